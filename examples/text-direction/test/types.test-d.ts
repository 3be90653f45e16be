/** Compiled by `npm run typecheck`, never run: each error that is expected here has to be one. */
import { tensor } from '@whittle/runtime'
import model from '../src/direction.onnx?int8&prune=0.3'

const session = await model.load()
const pixels = new Float32Array(3 * 48 * 192)

const { 'softmax_0.tmp_0': probabilities } = await session.run({ x: tensor(pixels, [1, 3, 48, 192]) })
const values: Float32Array = probabilities.data
const rank: 2 = probabilities.dims.length

// @ts-expect-error the input is named x
await session.run({ image: tensor(pixels, [1, 3, 48, 192]) })

// @ts-expect-error the input x is missing
await session.run({})

// @ts-expect-error float32, not uint8
await session.run({ x: tensor(new Uint8Array(3 * 48 * 192), [1, 3, 48, 192]) })

// @ts-expect-error of rank 4, not 3
await session.run({ x: tensor(pixels, [3, 48, 192]) })

// @ts-expect-error three channels, not one
await session.run({ x: tensor(new Float32Array(48 * 192), [1, 1, 48, 192]) })

// @ts-expect-error there is no such output
const { logits } = await session.run({ x: tensor(pixels, [1, 3, 48, 192]) })

export { logits, rank, values }

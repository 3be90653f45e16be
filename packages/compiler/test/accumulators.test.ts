import { type Model, Tensor } from '@whittle/ir'
import { wasm } from '@whittle/targets'
import { buildModel, runModel } from '@whittle/testing'
import { expect, it, test } from 'vitest'
import { lower } from '../src/index.ts'

interface Layer {
  /** [inputs, outputs] */
  weights: number[][]
  bias: number[]
  biasDims?: number[]
  inputScale?: number
  weightScales: number[]
}

/** y = relu(x W + b), with grids on all. */
function layer({ weights, bias, biasDims = [bias.length], inputScale = 0.5, weightScales }: Layer): Model {
  const [rows, columns] = [weights.length, weights[0]!.length]
  return buildModel((b) => {
    const activation = (scale: number) =>
      ({ kind: 'integer', bits: 8, signed: false, scale: Float32Array.of(scale), zeroPoint: Int32Array.of(0) }) as const
    const x = b.input('x', [1, rows])
    x.quantization = activation(inputScale)
    const w = b.constant('w', Tensor.float32([rows, columns], weights.flat()))
    w.quantization = {
      kind: 'integer',
      bits: 8,
      signed: true,
      axis: 1,
      scale: Float32Array.from(weightScales),
      zeroPoint: new Int32Array(columns),
    }
    const product = b.node('Gemm', [x, w, b.constant('b', Tensor.float32(biasDims, bias))])
    product.quantization = activation(0.05)
    b.output(b.node('Relu', [product]), 'y')
  })
}

const lowerAll = (model: Model): ReturnType<typeof lower> => lower(model, wasm, {}, (candidates) => new Set(candidates))

it('a channel of zeros keeps its bias, whatever the scale of its weights', async () => {
  const weights = Array.from({ length: 8 }, (_, row) => [(row - 4) / 64, 0])
  const model = layer({ weights, bias: [0.25, 0.3], weightScales: [1 / 64, 1] })
  const x = { x: Tensor.float32([1, 8], [1, 0, 2, 0, 3, 0, 4, 5]) }
  const expected = (await runModel(model, x))['y']!.toNumbers()
  expect(lowerAll(model).integerNodes).toHaveLength(1)
  const given = (await runModel(model, x))['y']!.toNumbers()
  expect(expected[1]).toBeCloseTo(0.3, 5)
  given.forEach((item, at) => expect(Math.abs(item - expected[at]!)).toBeLessThanOrEqual(0.026))
})

const ones = (rows: number): number[][] => Array.from({ length: rows }, () => [1, 1])

test.each<[string, Layer, string]>([
  [
    'a bias that is large in its steps',
    { weights: ones(4), bias: [1, 1e9], weightScales: [1, 2 ** -8] },
    'its bias does not fit 32 bits in steps of its scales',
  ],
  [
    'a product of scales that is tiny',
    { weights: ones(4), bias: [0, 0], inputScale: 2 ** -100, weightScales: [1, 2 ** -100] },
    'the product of its scales is too small for float32',
  ],
  ['a sum that is long', { weights: ones(70000), bias: [0, 0], weightScales: [1, 1] }, 'its sums could pass 32 bits'],
  [
    'a bias that all channels share',
    { weights: ones(4), bias: [1], biasDims: [1], weightScales: [1, 1] },
    'its bias is not one number a channel',
  ],
])('a node computes in float32 because of %s', (_, item, why) => {
  const model = layer(item)
  const { integerNodes, skipped } = lowerAll(model)
  expect(integerNodes).toEqual([])
  expect(skipped).toEqual([{ at: expect.stringContaining('Gemm') as string, why }])
})

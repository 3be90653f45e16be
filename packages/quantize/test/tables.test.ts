import { type Model, Tensor, compress } from '@whittle/ir'
import { buildModel, runModel } from '@whittle/testing'
import { expect, test } from 'vitest'
import { quantize } from '../src/quantize.ts'
import { context, normal, valueOf } from './harness.ts'

/** Adds to every position of a sentence what the model learned for it, as sentence encoders do. */
const positions = (): Model =>
  buildModel((b) => {
    const x = b.input('x', ['N', 'S', 8])
    const length = b.node('Shape', [x], { start: 1, end: 2 })
    // Channels of very different size.
    const table = normal(32 * 8, 'positions').map((item, at) => item * 2 ** -(at % 8))
    const rows = [b.constant('positions', Tensor.float32([1, 32, 8], table)), b.int64([0]), length, b.int64([1])].map((item) =>
      'dims' in item ? b.constant('ints', item) : item,
    )
    b.output(b.node('Add', [x, b.node('Slice', rows)]), 'y')
  })

test('a table of positions, of which the first rows are taken, is rounded with a scale for each channel', async () => {
  const model = positions()
  const { model: after } = await compress(model, [quantize({ bits: 8, minSize: 0 })], context())
  const table = valueOf(after, 'positions')
  expect(table.quantization).toMatchObject({ kind: 'integer', bits: 8, axis: 2 })
  const x = Tensor.float32([1, 20, 8], new Float32Array(160))
  const [expected, found] = [await runModel(model, { x }), await runModel(after, { x })].map(({ y }) => y!.toFloat32())
  for (let channel = 0; channel < 8; channel++) {
    const [a, b] = [expected!, found!].map((y) => y.filter((_, at) => at % 8 === channel))
    expect(Math.max(...a!.map((item, at) => Math.abs(item - b![at]!)))).toBeLessThan(2 ** -channel / 50)
  }
  expect([...found!]).not.toEqual([...expected!])
})

test('a table that is looked up keeps its full range at 8 bits, and is cut off where there are few steps', async () => {
  // Columns with long tails: cubes of normal numbers.
  const rows = normal(2000 * 4, 'tails').map((item) => item ** 3)
  const model = buildModel((b) => {
    b.output(b.node('Gather', [b.constant('table', Tensor.float32([2000, 4], rows)), b.input('ids', ['N'], 'int64')]), 'y')
  })
  const shares = async (bits: number): Promise<number[]> => {
    const { model: after } = await compress(model, [quantize({ bits })], context())
    const quantization = valueOf(after, 'table').quantization
    if (quantization?.kind !== 'integer') throw new Error('no grid')
    const most = [0, 1, 2, 3].map((column) => Math.max(...rows.filter((_, at) => at % 4 === column).map(Math.abs)))
    return [...quantization.scale].map((scale, column) => (scale * (2 ** (bits - 1) - 1)) / most[column]!)
  }
  for (const share of await shares(8)) expect(share).toBeCloseTo(1, 1)
  for (const share of await shares(4)) expect(share).toBeLessThan(0.8)
})

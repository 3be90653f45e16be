import { type Model, Tensor, createRandom } from '@whittle/ir'
import { readOnnx, writeOnnx } from '@whittle/ir/onnx'
import { type WeightGrid, quantizeTensor } from '@whittle/quantize'
import { wasm, webgpu, webgpuF16 } from '@whittle/targets'
import { type GraphBuilder, buildModel, differenceOf, randomInputs, runModel } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { lower } from '../src/index.ts'

type Grid = Omit<WeightGrid, 'range'>

/** A random matrix on a grid. */
function matrix(b: GraphBuilder, name: string, dims: number[], grid: Grid): ReturnType<GraphBuilder['input']> {
  const { data, quantization } = quantizeTensor(b.random(dims, 1).toFloat32(), dims, { range: 'mse', ...grid })
  const value = b.constant(name, Tensor.float32(dims, data))
  value.quantization = quantization
  return value
}

const columns = (bits: number, size: number, more: Partial<Grid> = {}): Grid => ({ bits, axis: 1, block: { axis: 0, size }, ...more })
const rows = (bits: number, size: number, more: Partial<Grid> = {}): Grid => ({ bits, axis: 0, block: { axis: 1, size }, ...more })

const matmul = (grid: Grid, inner = 48, outer = 10): Model =>
  buildModel((b) => void b.output(b.node('MatMul', [b.input('x', [2, 3, inner]), matrix(b, 'w', [inner, outer], grid)]), 'y'))

const opsOf = (model: Model): string[] => [...model.nodes()].map((node) => node.type)

/** What native onnxruntime gives for both, as the greatest difference; the second as it is written. */
async function difference(before: Model, after: Model): Promise<number> {
  const inputs = randomInputs(before, createRandom('x'), {})
  return differenceOf((await runModel(before, inputs))['y']!, (await runModel(writeOnnx(after), inputs))['y']!)
}

describe('a product with a matrix of few bits', () => {
  it.each<[string, Model, number]>([
    ['4 bits', matmul(columns(4, 16)), 4],
    ['4 bits and zero points', matmul(columns(4, 16, { symmetric: false })), 4],
    ['4 bits, blocks that end in part', matmul(columns(4, 32), 50), 4],
    ['an odd number of blocks with zero points', matmul(columns(4, 16, { symmetric: false }), 41, 7), 4],
    ['2 bits', matmul(columns(2, 16)), 4],
    ['3 bits and zero points', matmul(columns(3, 16, { symmetric: false })), 4],
    ['6 bits', matmul(columns(6, 64)), 8],
    ['8 bits', matmul(columns(8, 16)), 8],
    ['8 bits and zero points', matmul(columns(8, 16, { symmetric: false })), 8],
    ['a scale a column', matmul({ bits: 4, axis: 1 }, 100), 4],
    ['one scale', matmul({ bits: 7 }, 100), 8],
  ])('with %s is MatMulNBits where the target computes in it', async (_, before, bits) => {
    const after = before.clone()
    const { blockNodes, stored } = lower(after, webgpu, {})
    expect(blockNodes).toHaveLength(1)
    expect(stored).toEqual([])
    expect(opsOf(after)).toEqual(['com.microsoft.MatMulNBits'])
    expect(after.graph.nodes[0]!.int('bits')).toBe(bits)
    expect([...after.graph.initializers].map((value) => value.tensor!.type)).not.toContain('int8')
    expect(readOnnx(writeOnnx(after)).opsets.get('com.microsoft')).toBe(1)
    expect(await difference(before, after)).toBeLessThan(1e-4)
  })

  it('of a Gemm keeps its bias', async () => {
    for (const transB of [0, 1]) {
      const grid = transB ? rows(4, 16) : columns(4, 16)
      const before = buildModel((b) => {
        const weight = matrix(b, 'w', transB ? [9, 32] : [32, 9], grid)
        b.output(b.node('Gemm', [b.input('x', [4, 32]), weight, b.weight('bias', [9])], { transB }), 'y')
      })
      const after = before.clone()
      expect(lower(after, webgpu, {}).blockNodes).toHaveLength(1)
      expect(opsOf(after)).toEqual(['com.microsoft.MatMulNBits', 'Add'])
      expect(await difference(before, after)).toBeLessThan(1e-4)
    }
  })

  it('in a branch, of a matrix that others read too', async () => {
    const before = buildModel((b) => {
      const [x, shared] = [b.input('x', [2, 32]), matrix(b, 'w', [32, 32], columns(4, 16))]
      const flag = b.node('Greater', [b.node('ReduceMax', [x], { keepdims: 0 }), b.constant('limit', 1)])
      const branch = (inner: GraphBuilder) => inner.node('MatMul', [x, shared])
      b.output(b.node('Add', [b.branches(flag, branch, branch), shared]), 'y')
      b.graph.setInput(b.graph.nodes.at(-1)!, 1, b.node('ReduceMean', [shared], { keepdims: 0 }))
      b.graph.sort()
    })
    const after = before.clone()
    const { blockNodes, stored } = lower(after, webgpu, {})
    expect([blockNodes.length, stored]).toEqual([2, ['w']])
    expect(await difference(before, after)).toBeLessThan(1e-4)
  })

  it('stays a product where the grid does not suit, and the report says why', () => {
    const why = (model: Model): string => lower(model, webgpu, {}).skipped[0]!.why
    const only = '; its weight is only stored in fewer bits'
    expect(why(matmul(columns(4, 24)))).toBe(`a block of 24 is not one of 16, 32, 64, 128 or 256${only}`)
    expect(why(matmul({ bits: 4, axis: 0 }))).toBe(`its scales are not along the blocks of a row${only}`)
    expect(why(matmul(columns(10, 16)))).toBe(`its weight has 10 bits${only}`)
    expect(why(matmul(columns(3, 16, { symmetric: false, rounding: 'hqq' })))).toBe(`its zero points have fractions${only}`)
  })

  it('of 8 bits and a scale a column is stored, as on every target', () => {
    expect(lower(matmul({ bits: 8, axis: 1 }), webgpu, {})).toMatchObject({ blockNodes: [], stored: ['w'], skipped: [] })
  })

  it('is stored on targets that do not compute in it', () => {
    const model = matmul(columns(4, 16))
    expect(lower(model, wasm, {})).toMatchObject({ blockNodes: [], stored: ['w'], skipped: [] })
  })
})

describe('a look-up in a table of few bits', () => {
  const gather = (grid: Grid, width = 48): Model =>
    buildModel((b) => void b.output(b.node('Gather', [matrix(b, 'w', [20, width], grid), b.input('x', [2, 5], 'int64')]), 'y'))

  it.each<[string, Grid]>([
    ['4 bits', rows(4, 16)],
    ['4 bits and zero points', rows(4, 16, { symmetric: false })],
    ['8 bits', rows(8, 16)],
    ['8 bits and zero points', rows(8, 16, { symmetric: false })],
    ['a scale a row', { bits: 4, axis: 0 }],
  ])('with %s is GatherBlockQuantized where the target computes in it', async (_, grid) => {
    const before = gather(grid)
    const after = before.clone()
    expect(lower(after, webgpu, {}).blockNodes).toHaveLength(1)
    expect(opsOf(after)).toEqual(['com.microsoft.GatherBlockQuantized'])
    expect(await difference(before, after)).toBeLessThan(1e-6)
  })

  it('stays one where the grid does not suit, and the report says why', () => {
    const why = (model: Model): string => lower(model, webgpu, {}).skipped[0]!.why
    expect(why(gather({ bits: 4, axis: 1 }))).toMatch(/^its scales are not along the blocks of a row;/)
    expect(why(gather(rows(4, 16), 40))).toMatch(/^its rows of 40 are no whole number of blocks of 16;/)
  })
})

it('beside float16, scales and products are float16 too', async () => {
  const before = matmul(columns(4, 16))
  const bias = before.graph.addInitializer('bias', Tensor.float32([10], new Float32Array(10).fill(0.5)))
  bias.quantization = { kind: 'float16' }
  const product = before.graph.nodes[0]!.output
  const sum = before.graph.addNode({ op: 'Add', inputs: [product, bias], outputs: ['sum'] }).output
  sum.elementType = 'float32'
  before.graph.setOutputs([sum])
  const after = before.clone()
  expect(lower(after, webgpuF16, {}).blockNodes).toHaveLength(1)
  expect(after.graph.nodes.find((node) => node.op === 'MatMulNBits')!.inputs[2]!.elementType).toBe('float16')
  const inputs = randomInputs(before, createRandom('x'), {})
  const [a, b] = [await runModel(before, inputs), await runModel(writeOnnx(after), inputs)]
  expect(differenceOf(a['sum']!, b['sum']!)).toBeLessThan(0.1)
})

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Tensor } from '@whittle/ir'
import { readOnnx, writeOnnx } from '@whittle/ir/onnx'
import { buildModel } from '@whittle/testing'
import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { type CompileRequest, type CompileResult, type Layer, compile, layersOf } from '../src/index.ts'
import { project, wideNet, wideSamples } from './project.ts'

/** Smaller than {@link wideNet}. */
const net = () =>
  buildModel((b) => {
    const conv = b.node('Conv', [b.input('x', ['N', 16, 6, 6]), b.weight('w0', [32, 16, 3, 3]), b.weight('b0', [32])])
    b.output(b.node('Gemm', [b.node('Flatten', [b.node('GlobalAveragePool', [b.node('Relu', [conv])])]), b.weight('fc', [32, 10])]), 'y')
  })

const build = (root: string, query: string, more: Partial<CompileRequest> = {}): Promise<CompileResult> =>
  compile({ file: join(root, 'net.onnx'), query, root, cache: false, ...more })

async function layersFor(
  root: string,
  query: string,
  more: Partial<CompileRequest> = {},
): Promise<{ layers: readonly Layer[]; missing: readonly string[] }> {
  const { files } = await layersOf(await build(root, query, more))
  expect(Object.keys(files)).toHaveLength(1)
  return Object.values(files)[0]!
}

/** A product and a look-up, wide enough for blocks. */
const words = () =>
  buildModel((b) => {
    const table = b.node('Gather', [b.weight('table', [40, 64]), b.input('ids', [1, 6], 'int64')])
    b.output(b.node('MatMul', [table, b.weight('w', [64, 32])]), 'y')
  })

describe('the layers of a file', () => {
  it.each([
    ['int8', 8],
    ['int4', 4],
    ['fp16', 16],
    ['fp32', 32],
  ])('of %s have the names, ops, bits and sizes of the model’s weights', async (query, bits) => {
    const root = await project({ 'net.onnx': net() })
    const { layers, missing } = await layersFor(root, `${query}&target=wasm`)
    expect(missing).toEqual([])
    expect(layers.map(({ name, op, dims, elements }) => ({ name, op, dims, elements }))).toEqual([
      { name: 'w0', op: 'Conv', dims: [32, 16, 3, 3], elements: 4608 },
      { name: 'fc', op: 'Gemm', dims: [32, 10], elements: 320 },
    ])
    expect(layers.map((layer) => layer.bits)).toEqual([bits, bits])
    // int4 lies in bytes, and is left to brotli.
    expect(layers[0]!.bytes).toBeGreaterThanOrEqual((4608 * Math.max(8, bits)) / 8)
    expect(layers[0]!.bytes).toBeLessThan((4608 * Math.max(8, bits)) / 8 + 1000)
    expect(layers[0]!.brotli).toBeLessThan((4608 * bits) / 8 + 1000)
  })

  it('have the error of a weight as it is computed by hand', async () => {
    const root = await project({ 'net.onnx': net() })
    const { layers } = await layersFor(root, 'fp16&target=wasm')
    const [weight] = [...net().initializers()].filter(({ name }) => name === 'w0')
    const before = weight!.tensor!.toFloat32()
    const after = Tensor.of('float16', [before.length], before).toFloat32()
    const sum = (values: Float32Array) => values.reduce((total, value) => total + value * value, 0)
    const noise = sum(before.map((value, at) => value - after[at]!))
    expect(layers[0]!.weightSqnr).toBeCloseTo(10 * Math.log10(sum(before) / noise), 3)
    expect((await layersFor(root, 'fp32&target=wasm')).layers.map(({ weightSqnr }) => weightSqnr)).toEqual([null, null])
  })

  it('have the share of zeros that was asked for', async () => {
    const root = await project({ 'net.onnx': net() })
    const { layers } = await layersFor(root, 'int8&prune=0.5&target=wasm')
    for (const { zeros, done } of layers) {
      expect(zeros).toBeGreaterThanOrEqual(0.5)
      expect(zeros).toBeLessThan(0.6)
      expect(done.map((text) => text.split(':')[0])).toEqual(['prune', 'quantize'])
    }
  })

  it('tell what computes in int8, and lose more at the outputs the further behind', async () => {
    const root = await project({ 'net.onnx': wideNet(), 'samples.ts': wideSamples })
    const { layers, missing } = await layersFor(root, 'int8&calibrate=./samples.ts&target=wasm')
    expect(missing).toEqual([])
    expect(layers.map(({ computes }) => computes)).toEqual(['int8', 'int8', 'float32'])
    for (const { outputSqnr } of layers) expect(outputSqnr).toBeGreaterThan(20)
    expect(layers[1]!.outputSqnr!).toBeLessThan(layers[0]!.outputSqnr!)
  })

  it('unfold blocks of few bits as onnxruntime does', async () => {
    const root = await project({ 'net.onnx': words() })
    for (const query of [
      'int4&quantize.granularity=block',
      'int4&quantize.granularity=block&quantize.symmetric=false',
      'bits=6&quantize.granularity=block',
    ]) {
      const result = await build(root, `${query}&target=webgpu`)
      const { layers } = Object.values((await layersOf(result)).files)[0]!
      expect(layers.map(({ computes }) => computes)).toEqual(['few bits, in blocks', 'few bits, in blocks'])
      // The look-up's rows are what the node gives for all ids.
      const [artefact] = result.artefacts
      const file = readOnnx(artefact!.bytes)
      const look = file.graph.nodes.find(({ op }) => op === 'GatherBlockQuantized')!
      file.graph.addOutput(look.output)
      const session = await ort.InferenceSession.create(writeOnnx(file))
      const rows: number[] = []
      for (let first = 0; first < 40; first += 4) {
        const ids = BigInt64Array.from([0, 1, 2, 3, 0, 0], (id) => BigInt(first + id))
        const given = await session.run({ ids: new ort.Tensor('int64', ids, [1, 6]) })
        rows.push(...(given[look.output.name]!.data as Float32Array).slice(0, 4 * 64))
      }
      const table = [...words().initializers()].find(({ name }) => name === 'table')!.tensor!.toFloat32()
      const square = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value * value, 0)
      const expected = 10 * Math.log10(square(table) / square(table.map((value, at) => value - rows[at]!)))
      expect(layers[0]!.weightSqnr).toBeCloseTo(expected, 2)
      // One product behind it: both errors are of rounding to the same bits.
      expect(layers[1]!.weightSqnr).toBeGreaterThan(expected - 4)
      expect(layers[1]!.outputSqnr).toBeLessThan(layers[1]!.weightSqnr!)
    }
  })

  it('of the small runtime have all but the error of what they give, and say so', async () => {
    const root = await project({ 'net.onnx': net() })
    const small = await layersFor(root, 'int4&target=wasm&runtime=tfjs')
    const big = await layersFor(root, 'int4&target=wasm&runtime=onnx')
    expect(small.missing).toEqual([expect.stringContaining('small runtime')])
    expect(small.layers.map(({ name, bits, zeros, dims }) => ({ name, bits, zeros, dims }))).toEqual(
      big.layers.map(({ name, bits, zeros, dims }) => ({ name, bits, zeros, dims })),
    )
    small.layers.forEach(({ weightSqnr }, index) => expect(weightSqnr).toBeCloseTo(big.layers[index]!.weightSqnr!, 4))
    expect(small.layers.map(({ stored }) => stored)).toEqual(['integers', 'integers'])
    expect(small.layers[0]!.outputSqnr).toBeUndefined()
  })

  it('count ops before and after', async () => {
    const root = await project({ 'net.onnx': net() })
    const result = await build(root, 'int8&target=wasm')
    const { original, files } = await layersOf(result)
    expect(original.ops).toEqual({ Conv: 1, Flatten: 1, Gemm: 1, GlobalAveragePool: 1, Relu: 1 })
    expect(original.nodes[0]).toMatchObject({ op: 'Conv', dims: [1, 32, 4, 4] })
    expect(Object.values(files)[0]!.graph.ops).toMatchObject({ Cast: 2, Mul: 2, Conv: 1, Gemm: 1 })
  })

  it('are refused for a model that was changed since', async () => {
    const root = await project({ 'net.onnx': net() })
    const result = await build(root, 'int8&target=wasm')
    await writeFile(join(root, 'net.onnx'), writeOnnx(words()))
    await expect(layersOf(result)).rejects.toThrow(/net\.onnx is not the model that was compressed any more; build again/)
    await rm(join(root, 'net.onnx'))
    await expect(layersOf(result)).rejects.toThrow(/there is no file/)
  })
})

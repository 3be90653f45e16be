import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nativeEngine } from '@whittle/engine'
import { type Dataset, Model, Tensor } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { compareModels } from '../src/compare.ts'

let root = ''
let [a, b, c] = ['', '', '']

/** y = x * factor, with `size` features. */
async function scale(name: string, factor: number, size = 2): Promise<string> {
  const model = new Model(name)
  const x = model.graph.addInput('x', 'float32', ['N', size])
  const f = model.graph.addInitializer('f', Tensor.float32([1], [factor]))
  const y = model.graph.addNode({ op: 'Mul', inputs: [x, f], outputs: ['y'] }).output
  y.elementType = 'float32'
  model.graph.addOutput(y)
  const file = join(root, `${name}.onnx`)
  await writeFile(file, writeOnnx(model))
  return file
}

const data = (...rows: number[][]): Dataset => ({
  key: 'test',
  length: rows.length,
  async *samples() {
    for (const row of rows) yield { inputs: { x: Tensor.float32([1, row.length], row) } }
  },
})

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'whittle-compare-'))
  ;[a, b, c] = [await scale('a', 2), await scale('b', 2.02), await scale('c', 2, 3)]
})
afterAll(() => rm(root, { recursive: true, force: true }))

it('compares the outputs over all samples', async () => {
  const done: unknown[] = []
  const result = await compareModels({
    a,
    b,
    data: data([1, 2], [3, -4]),
    engine: nativeEngine(),
    onProgress: (n, of) => done.push([n, of]),
  })
  expect(result).toMatchObject({ a, b, engine: 'native', samples: 2 })
  // The noise is a hundredth of the signal: 40 dB.
  expect(result.outputs.y!.sqnr).toBeCloseTo(40, 2)
  expect(result.outputs.y!.cosine).toBeCloseTo(1, 9)
  expect(result.outputs.y!.maxAbs).toBeCloseTo(0.08, 5)
  expect(done).toEqual([
    [1, 2],
    [2, 2],
  ])
})

it('finds a model equal to itself', async () => {
  expect((await compareModels({ a, b: a, data: data([1, 2]), engine: nativeEngine() })).outputs.y).toMatchObject({ sqnr: null, maxAbs: 0 })
})

it('says which model and which sample do not fit', async () => {
  const message = (request: Partial<Parameters<typeof compareModels>[0]>): Promise<string> =>
    compareModels({ a, b, data: data([1, 2]), engine: nativeEngine(), ...request }).then(
      () => 'no error',
      (error: Error) => error.message,
    )
  expect(await message({ b: c })).toBe(`${c}: sample: input 'x' has shape [1, 2]; the model expects [N, 3]`)
  expect(await message({ data: data() })).toBe('the dataset yields no samples, so that nothing can be compared')
  expect(await message({ b: join(root, 'no.onnx') })).toContain(`${join(root, 'no.onnx')}: there is no such file`)
})

it('stops when it is aborted', async () => {
  const controller = new AbortController()
  controller.abort()
  await expect(compareModels({ a, b, data: data([1, 2]), engine: nativeEngine(), signal: controller.signal })).rejects.toThrow(/abort/i)
})

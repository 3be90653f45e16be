import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { Tensor, createRandom } from '@whittle/ir'
import { fixture } from '@whittle/testing'
import { expect, it } from 'vitest'
import { readTfjsFile, tfjsShards } from '../src/index.ts'
import { compare, opsOf, tf, toTf } from './read-oracle.ts'

/** What TensorFlow.js's loaders ask for. */
function handlerOf(file: string): object {
  const { modelTopology, weightsManifest, signature, format } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  const [{ paths, weights }] = weightsManifest as [{ paths: string[]; weights: unknown[] }]
  const data = Buffer.concat(paths.map((name) => readFileSync(path.join(path.dirname(file), name))))
  const weightData = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)
  return { load: () => Promise.resolve({ modelTopology, format, signature, weightSpecs: weights, weightData }) }
}

/** TensorFlow.js's WebAssembly back end, which the plain one then follows again. */
async function onWasm(run: () => Promise<void>): Promise<void> {
  const require = createRequire(import.meta.url)
  const entry = require.resolve('@tensorflow/tfjs-backend-wasm')
  const { setWasmPaths } = require(entry) as { setWasmPaths(folder: string): void }
  setWasmPaths(`${path.dirname(entry)}/`)
  expect(await tf.setBackend('wasm')).toBe(true)
  try {
    await run()
  } finally {
    await tf.setBackend('cpu')
  }
}

function picture(dims: number[]): Tensor {
  const random = createRandom('picture')
  return Tensor.float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => random.normal() * 0.5),
  )
}

it('an upscaler, a layers model of free height and width, gives what TensorFlow.js gives', async () => {
  const file = fixture('upscaler')
  const { model, files } = readTfjsFile(file)
  expect(files).toEqual([file, path.join(path.dirname(file), 'group1-shard1of1.bin')])
  expect(model.graph.inputs.map(({ name, shape }) => [name, ...shape!])).toEqual([['LR', 'N', 'LR_dim1', 'LR_dim2', 3]])
  expect(opsOf(model).filter((op) => op === 'Transpose')).toHaveLength(2)
  expect([...model.initializers()].map(({ name }) => name)).toContain('F_m1/kernel')
  expect([...model.initializers()].filter(({ name }) => /kernel_|bias_/.test(name))).toEqual([])
  const input = picture([1, 9, 11, 3])
  const oracle = await tf.loadLayersModel(handlerOf(file))
  await compare(model, { LR: input }, [oracle.predict(toTf(input)) as never])
  await onWasm(async () => {
    const same = await tf.loadLayersModel(handlerOf(file))
    await compare(model, { LR: input }, [same.predict(toTf(input)) as never])
  })
})

it('a note detector, a graph model, gives what TensorFlow.js gives', async () => {
  const file = fixture('pitch')
  const { model } = readTfjsFile(file)
  expect(model.graph.inputs.map(({ name, shape }) => [name, ...shape!])).toEqual([['input_2', 'N', 43844, 1]])
  expect(model.graph.outputs.map(({ name }) => name)).toEqual(['contour', 'Identity_1', 'Identity_2'])
  expect(opsOf(model).filter((op) => op === 'Transpose')).toHaveLength(2)
  const input = picture([1, 43844, 1])
  await onWasm(async () => {
    const same = await tf.loadGraphModel(handlerOf(file))
    await compare(model, { input_2: input }, same.execute({ input_2: toTf(input) }, ['Identity', 'Identity_1', 'Identity_2']) as never)
  })
})

it('the files of a model are told without opening them', () => {
  expect(tfjsShards(readFileSync(fixture('pitch')))).toEqual(['group1-shard1of1.bin'])
})

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type Model, Tensor, createRandom } from '@whittle/ir'
import { differenceOf, fixture, runModel, runTensorFlow } from '@whittle/testing'
import { expect, it } from 'vitest'
import { readTfjsFile, tfjsShards } from '../src/index.ts'
import { opsOf } from './read-oracle.ts'

function picture(dims: number[]): Tensor {
  const random = createRandom('picture')
  return Tensor.float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => random.normal() * 0.5),
  )
}

async function expectOutputs(model: Model, inputs: Record<string, Tensor>, expected: readonly Tensor[]): Promise<void> {
  const outputs = await runModel(model, inputs)
  const names = model.graph.outputs.map(({ name }) => name)
  expect(names).toHaveLength(expected.length)
  names.forEach((name, at) => expect(differenceOf(expected[at]!, outputs[name]!), name).toBeLessThan(1e-4))
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
  for (const backend of ['cpu', 'wasm'] as const) await expectOutputs(model, { LR: input }, await runTensorFlow(file, [input], backend))
})

it('a note detector, a graph model, gives what TensorFlow.js gives', async () => {
  const file = fixture('pitch')
  const { model } = readTfjsFile(file)
  expect(model.graph.inputs.map(({ name, shape }) => [name, ...shape!])).toEqual([['input_2', 'N', 43844, 1]])
  expect(model.graph.outputs.map(({ name }) => name)).toEqual(['contour', 'Identity_1', 'Identity_2'])
  expect(opsOf(model).filter((op) => op === 'Transpose')).toHaveLength(2)
  const input = picture([1, 43844, 1])
  await expectOutputs(model, { input_2: input }, await runTensorFlow(file, [input]))
})

it('the files of a model are told without opening them', () => {
  expect(tfjsShards(readFileSync(fixture('pitch')))).toEqual(['group1-shard1of1.bin'])
})

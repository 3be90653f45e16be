import { inferShapes } from '@whittle/ir'
import { runModel } from '@whittle/testing'
import { expect, it } from 'vitest'
import { readTflite } from '../src/index.ts'
import { cases, worst } from './cases.ts'

it.each(cases.map((item) => [item.name, item] as const))('gives what LiteRT gives: %s', async (name, { bytes, inputs, outputs }) => {
  const model = readTflite(bytes, { file: name })
  expect(inferShapes(model).unknown).toEqual([])
  expect(model.graph.inputs.map(({ name, shape, elementType }) => [name, shape, elementType])).toEqual(
    Object.entries(inputs).map(([name, { dims, type }]) => [name, dims, type]),
  )
  const given = await runModel(model, inputs)
  expect(Object.keys(given)).toEqual(Object.keys(outputs))
  for (const [output, expected] of Object.entries(outputs)) {
    expect(given[output]!.dims).toEqual(expected.dims)
    expect(given[output]!.type).toBe(expected.type)
    // Integer kernels round once more than a float computation between two roundings does.
    if (/^u?int(8|16)$/.test(expected.type)) {
      const steps = expected.toNumbers().map((item, index) => Math.abs(item - given[output]!.toNumbers()[index]!))
      expect(Math.max(...steps)).toBeLessThanOrEqual(1)
    } else expect(worst(expected, given[output]!)).toBeLessThan(name === 'float in and out of int8' ? 0.02 : 1e-5)
  }
})

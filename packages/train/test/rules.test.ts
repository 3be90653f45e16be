import { problemsOf } from '@whittle/ir'
import { describe, expect, it } from 'vitest'
import { differentiableOps, gradients } from '../src/index.ts'
import { cases } from './cases.ts'
import { compareGradients, modelOf, open, withLoss } from './harness.ts'

it('has a case for every rule, and that case has the op', () => {
  expect([...new Set(cases.map(({ rule }) => rule))].sort()).toEqual([...differentiableOps].sort())
  for (const test of cases) expect([...modelOf(test, false).model.nodes()].map(({ type }) => type)).toContain(test.rule)
  expect(new Set(cases.map(({ name, rule }) => `${rule} ${name}`)).size).toBe(cases.length)
})

/** Relative to the largest gradient; what differences in float32 can tell. */
const TOLERANCE = 1e-4

describe.each([
  ['of known shapes', false],
  ['of free dims', true],
] as const)('inputs %s', (_, free) => {
  it.each(cases.filter(({ fixedOnly }) => !free || !fixedOnly))('$name', async (test) => {
    const { given, expected, inputs } = await compareGradients(test, free)
    for (const [name, slopes] of Object.entries(expected)) {
      expect(given[name]!.dims, name).toEqual(inputs[name]!.dims)
      const largest = Math.max(...slopes.map(Math.abs))
      expect(largest, `${name} matters`).toBeGreaterThan(1e-2)
      const off = given[name]!.toNumbers().map((item, index) => Math.abs(item - slopes[index]!) / largest)
      expect(Math.max(...off), `${name}: ${given[name]!.toNumbers()} is ${slopes}`).toBeLessThan(TOLERANCE)
    }
  })
})

it.each(cases.filter(({ fixedOnly }) => fixedOnly))('$name is frozen where dims are free', async (test) => {
  const { model } = modelOf(test, true)
  const fixed = modelOf(test, false)
  const forward = await open(fixed.model)
  const { model: lossy } = withLoss(model, await forward.run(fixed.inputs))
  await forward.dispose()
  expect(() => gradients(lossy, { loss: 'loss', wrt: ['x0', 'x'].filter((name) => name in fixed.inputs) })).toThrow(
    /no gradient reaches.*(fixed|free)/,
  )
})

it('gives valid models', async () => {
  for (const test of cases.filter((_, index) => index % 5 === 0)) {
    const { model, inputs } = modelOf(test, false)
    const forward = await open(model)
    const { model: lossy } = withLoss(model, await forward.run(inputs))
    await forward.dispose()
    expect(problemsOf(gradients(lossy, { loss: 'loss', wrt: Object.keys(inputs) }).model)).toEqual([])
  }
})

import { expect, test } from 'vitest'
import { type Bidder, spend } from '../src/budget.ts'
import type { Choice } from '../src/choose.ts'

const choice = (parameters: number, lost: number): Choice => ({
  parameters,
  macs: parameters,
  lost,
  ranks: [parameters],
  form: undefined as never,
})
const bidder = (cost: number, points: [number, number][], importance = 1): Bidder => ({
  cost,
  importance,
  choices: points.map(([parameters, lost]) => choice(parameters, lost)),
  costOf: ({ parameters }) => parameters,
})

/** The least loss of all combinations that save as much. */
function best(bidders: readonly Bidder[], saving: number): number {
  const all = bidders.reduce<{ saved: number; lost: number }[]>(
    (some, { cost, choices, importance }) =>
      some.flatMap(({ saved, lost }) => [
        { saved, lost },
        ...choices.map((one) => ({ saved: saved + cost - one.parameters, lost: lost + one.lost * importance })),
      ]),
    [{ saved: 0, lost: 0 }],
  )
  return Math.min(...all.filter(({ saved }) => saved >= saving).map(({ lost }) => lost))
}

test('what is saved costs the least of all combinations, where it falls on a corner', () => {
  const bidders = [
    bidder(100, [
      [80, 0.01],
      [60, 0.05],
      [40, 0.2],
      [50, 0.19],
    ]),
    bidder(100, [
      [80, 0.02],
      [60, 0.06],
      [40, 0.12],
    ]),
    bidder(50, [[20, 0.3]], 0.1),
  ]
  for (const saving of [20, 40, 70, 90, 110, 130]) {
    const { choices, saved } = spend(bidders, saving)
    const lost = choices.reduce((sum, one, at) => sum + (one ? one.lost * bidders[at]!.importance : 0), 0)
    expect(saved).toBeGreaterThanOrEqual(saving)
    expect(lost).toBeCloseTo(best(bidders, saved), 9)
  }
})

test('a layer that matters more loses less', () => {
  const points: [number, number][] = [
    [80, 0.01],
    [60, 0.03],
    [40, 0.06],
  ]
  const [light, heavy] = spend([bidder(100, points), bidder(100, points, 5)], 60).choices
  expect(light!.parameters).toBe(40)
  expect(heavy?.parameters ?? 100).toBe(100)
})

test('where all does not suffice, all is taken, and it says how much that is', () => {
  const { choices, saved } = spend([bidder(100, [[50, 0.5]]), bidder(10, [])], 80)
  expect(choices.map((one) => one?.parameters)).toEqual([50, undefined])
  expect(saved).toBe(50)
})

test('nothing is taken for nothing', () => {
  expect(spend([bidder(100, [[50, 0]])], 0)).toEqual({ choices: [undefined], saved: 0 })
})

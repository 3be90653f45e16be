import { expect, it } from 'vitest'
import { gradualRatios } from '../src/index.ts'

it('the shares of rounds end with the one that is asked for, and grow less and less', () => {
  const ratios = gradualRatios(0.8, 4)
  expect(ratios.at(-1)).toBe(0.8)
  const grown = ratios.map((ratio, round) => ratio - (ratios[round - 1] ?? 0))
  for (let round = 1; round < grown.length; round++) {
    expect(grown[round]).toBeGreaterThan(0)
    expect(grown[round]).toBeLessThan(grown[round - 1]!)
  }
  expect(gradualRatios(0.3, 1)).toEqual([0.3])
})

it.each([
  [1.2, 3, 'prune: expected a number in (0, 1) for ratio, received'],
  [0.5, 1.5, 'prune: expected a whole number above 0 for rounds, received'],
])('a ratio of %s in %s rounds is refused', (ratio, rounds, message) => {
  expect(() => gradualRatios(ratio, rounds)).toThrow(message)
})

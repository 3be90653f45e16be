import { createRandom } from '@whittle/ir'
import { expect, test } from 'vitest'
import { fitCodebook, nearestLevel, roundUpToBfloat16 } from '../src/index.ts'

const normal = (size: number, seed: string, spread = 1): Float32Array => {
  const random = createRandom(seed)
  return Float32Array.from({ length: size }, () => random.normal() * spread)
}

const MEMBERS = [normal(200, 'a'), normal(200, 'b', 16), normal(200, 'c', 0.1)]

function errorOf(levels: Float32Array, scale: Float32Array): number {
  return MEMBERS.reduce((sum, items, member) => {
    const step = scale[member]!
    // Relative to the member, so that each matters.
    const power = items.reduce((total, item) => total + item * item, 0)
    const error = items.reduce((part, item) => part + (item - levels[nearestLevel(levels, item / step)]! * step) ** 2, 0)
    return sum + error / power
  }, 0)
}

test('scales let members of very different size share levels', () => {
  const one = fitCodebook(MEMBERS, { count: 8, zero: true })
  expect([...one.scale]).toEqual([1, 1, 1])
  const own = fitCodebook(MEMBERS, { count: 8, zero: true, toScale: roundUpToBfloat16 })
  expect(own.scale[1]! / own.scale[0]!).toBeGreaterThan(10)
  expect(errorOf(own.levels, own.scale)).toBeLessThan(errorOf(one.levels, one.scale) / 5)
  expect(own.levels).toContain(0)
})

test('levels go where elements count', () => {
  const weights = (): Float64Array => Float64Array.from({ length: 200 }, (_, at) => (at < 20 ? 100 : 1))
  const total = ({ levels }: { levels: Float32Array }): number =>
    MEMBERS.reduce(
      (sum, items) => items.reduce((part, item, at) => part + (at < 20 ? 100 : 1) * (item - levels[nearestLevel(levels, item)]!) ** 2, sum),
      0,
    )
  expect(total(fitCodebook(MEMBERS, { count: 6, zero: false, weights }))).toBeLessThan(
    total(fitCodebook(MEMBERS, { count: 6, zero: false })) * 0.9,
  )
})

test('of two levels that are as near the lower is the nearest', () => {
  expect([-5, -1, -0.4, 0, 0.5, 0.6, 9].map((value) => nearestLevel([-1, 0, 1], value))).toEqual([0, 0, 1, 1, 1, 2, 2])
})

import { createRandom } from '@whittle/ir'
import { expect, test } from 'vitest'

const take = (seed: string, count = 1000): number[] => {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => random.next())
}

test('the same seed gives the same sequence, another seed another', () => {
  expect(take('a')).toEqual(take('a'))
  expect(take('a').filter((value, index) => value === take('b')[index])).toEqual([])
})

test('the sequence is the same in every version', () => {
  expect(take('whittle', 3).map((value) => Math.round(value * 2 ** 32))).toEqual([2124336429, 3909292987, 3409114065])
})

test('numbers are uniform in [0, 1), integers in [0, below)', () => {
  const numbers = take('uniform', 20_000)
  expect(numbers.every((value) => value >= 0 && value < 1)).toBe(true)
  const counts = Array<number>(10).fill(0)
  const random = createRandom('integers')
  for (let round = 0; round < 20_000; round++) counts[random.integer(10)]!++
  // Ten standard deviations of 20,000 draws in ten bins are 424.
  for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(424)
  expect(Math.abs(numbers.reduce((a, b) => a + b) / numbers.length - 0.5)).toBeLessThan(0.02)
})

test('normal numbers have mean 0, variance 1, and are finite', () => {
  const random = createRandom('normal')
  const numbers = Array.from({ length: 20_000 }, () => random.normal())
  const mean = numbers.reduce((a, b) => a + b) / numbers.length
  const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length
  expect(numbers.every(Number.isFinite)).toBe(true)
  expect(Math.abs(mean)).toBeLessThan(0.05)
  expect(Math.abs(variance - 1)).toBeLessThan(0.1)
})

test('forks depend on the seed and the label alone, and differ from each other', () => {
  const used = createRandom('seed')
  for (let round = 0; round < 10; round++) used.next()
  expect(used.fork('a').next()).toBe(createRandom('seed').fork('a').next())
  expect(used.fork('a').next()).not.toBe(used.fork('b').next())
  expect(createRandom('seed').fork('a').next()).not.toBe(createRandom('other').fork('a').next())
})

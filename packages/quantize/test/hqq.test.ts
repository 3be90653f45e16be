import { createRandom } from '@whittle/ir'
import { expect, test } from 'vitest'
import { refineScale, refineZero } from '../src/hqq.ts'

/** What the paper minimises: the sum of the 0.7th powers of the errors of rounding to the nearest. */
function powerSum(items: Float32Array, scale: number, zero: number, min: number, max: number): number {
  const errorOf = (item: number): number => item - (Math.max(min, Math.min(max, Math.round(item / scale + zero))) - zero) * scale
  return items.reduce((sum, item) => sum + Math.abs(errorOf(item)) ** 0.7, 0)
}

/** Mostly small numbers about `shift`, and a few large ones. */
const heavy = (seed: string, size: number, shift = 0): Float32Array => {
  const random = createRandom(seed)
  return Float32Array.from({ length: size }, () => shift + random.normal() * (random.next() < 0.1 ? 6 : 1))
}

test.each([2, 3, 4])('with %i bits a zero point is never worse than the one given, and near the best of all', (bits) => {
  const levels = 2 ** bits - 1
  const [found, best, given] = [0, 0, 0].map(() => [] as number[])
  for (let round = 0; round < 30; round++) {
    const items = heavy(`zero/${bits}/${round}`, 32, 0.4)
    const [low, high] = [Math.min(0, ...items), Math.max(0, ...items)]
    const start = { scale: (high - low) / levels, zero: Math.round((-low * levels) / (high - low)) }
    const refined = refineZero(items, start, levels)
    expect(refined.scale).toBe(start.scale)
    const errorAt = (zero: number): number => powerSum(items, start.scale, zero, 0, levels)
    expect(errorAt(refined.zero)).toBeLessThanOrEqual(errorAt(start.zero) * 1.001)
    // Brute force: every multiple of 1/16 within a step of the start.
    found!.push(errorAt(refined.zero))
    given!.push(errorAt(start.zero))
    best!.push(Math.min(...Array.from({ length: 33 }, (_, at) => errorAt(start.zero + (at - 16) / 16))))
  }
  const sum = (items: number[]): number => items.reduce((a, b) => a + b, 0)
  // Of what brute force gains, it gets the better part.
  expect(sum(given!) - sum(found!)).toBeGreaterThan(0.6 * (sum(given!) - sum(best!)))
})

test('values of an evenly spaced grid with its zero between two integers are found exactly', () => {
  const items = Float32Array.from({ length: 32 }, (_, at) => ((at % 16) - 7.25) * 0.5)
  const { zero } = refineZero(items, { scale: 0.5, zero: 7 }, 15)
  expect(zero).toBe(7.25)
})

test.each([2, 3, 4])('with %i bits a symmetric scale is never worse than the one given, and mostly better', (bits) => {
  const max = 2 ** (bits - 1) - 1
  let better = 0
  for (let round = 0; round < 30; round++) {
    const items = heavy(`scale/${bits}/${round}`, 64)
    const start = Math.max(...items.map(Math.abs)) / max
    const { scale, zero } = refineScale(items, start, max)
    expect(zero).toBe(0)
    const [before, after] = [start, scale].map((step) => powerSum(items, step, 0, -max, max))
    expect(after).toBeLessThanOrEqual(before! * 1.01)
    if (after! < before! * 0.999) better++
  }
  expect(better).toBeGreaterThan(15)
})

test('the result does not depend on the unit of the weights', () => {
  const items = heavy('unit', 64)
  const a = refineZero(items, { scale: 0.5, zero: 7 }, 15)
  const b = refineZero(
    items.map((item) => item * 2 ** -20),
    { scale: 0.5 * 2 ** -20, zero: 7 },
    15,
  )
  expect(b.zero).toBe(a.zero)
})

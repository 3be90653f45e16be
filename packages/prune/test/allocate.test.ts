import { createRandom } from '@whittle/ir'
import { describe, expect, test } from 'vitest'
import { allocate } from '../src/allocate.ts'
import { Inputs } from '@whittle/statistics'
import { pricesOf } from '../src/prices.ts'
import { LARGEST_GREEDY } from '../src/remove.ts'
import { sweep } from '../src/sweep.ts'
import { neighbours } from './harness.ts'

const priced = (...prices: number[]) => prices.map((price) => ({ weights: 1, price }))

describe('allocate', () => {
  test('takes the cheapest of all layers, by what arrives at the outputs', () => {
    const layers = [
      { size: 4, prices: priced(1, 2, 3, 4), factor: 1 },
      { size: 4, prices: priced(1, 2, 3, 4), factor: 0.4 },
    ]
    expect(allocate(layers, 4)).toEqual([1, 3])
  })

  test('no layer loses nearly all while others have weights left', () => {
    const layers = [
      { size: 100, prices: [{ weights: 100, price: 0 }], factor: 1 },
      { size: 100, prices: [{ weights: 100, price: 5 }], factor: 1 },
    ]
    expect(allocate(layers, 120)).toEqual([95, 25])
    expect(allocate(layers, 198)).toEqual([100, 98])
    // Twice the average share.
    expect(allocate(layers, 30)).toEqual([30, 0])
    expect(allocate([...layers, layers[1]!], 30)).toEqual([20, 10, 0])
  })

  test('gives whole numbers that add up', () => {
    const layers = [1, 2, 3].map((price) => ({ size: 10, prices: [{ weights: 10, price }], factor: 1 }))
    const thirds = layers.map((layer) => ({ ...layer, prices: Array.from({ length: 30 }, (_, at) => ({ weights: 1 / 3, price: at })) }))
    expect(allocate(thirds, 14).reduce((a, b) => a + b)).toBe(14)
    expect(allocate(thirds, 14).every(Number.isInteger)).toBe(true)
  })
})

describe('pricesOf', () => {
  const random = createRandom('prices')
  test.each([12, LARGEST_GREEDY + 1])('of rows of %d inputs: ascending, all weights, and in sum what removing them all costs', (size) => {
    const inputs = new Inputs(size, neighbours(size), 1e9, undefined)
    const rows = Array.from({ length: 5 }, () => Float32Array.from({ length: size }, () => random.normal()))
    const prices = pricesOf(rows, [inputs])
    for (let at = 1; at < prices.length; at++) expect(prices[at]!.price).toBeGreaterThanOrEqual(prices[at - 1]!.price)
    expect(prices.reduce((sum, { weights }) => sum + weights, 0)).toBeCloseTo(5 * size, 6)
    const all = prices.reduce((sum, { weights, price }) => sum + weights * price, 0)
    const energy = sweep(rows, inputs, 5 * size).errors.reduce((a, b) => a + b)
    expect(all).toBeGreaterThan(energy * 0.9)
    expect(all).toBeLessThan(energy * 2)
  })
})

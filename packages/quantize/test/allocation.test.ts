import { createRandom } from '@whittle/ir'
import { expect, test } from 'vitest'
import { FLOAT16, allocateBits } from '../src/allocation.ts'

const CHOICES = [6, 7, 8, FLOAT16]
const codedBits = (bits: number): number => (bits === FLOAT16 ? 14.2 : bits - 1.1)
const noiseOf = (noise: number, bits: number): number => noise * 4 ** (8 - (bits === FLOAT16 ? 12 : bits))

function layersOf(seed: string, count: number) {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => ({
    size: Math.round(10 ** (2 + 3 * random.next())),
    noise: 10 ** (-6 * random.next()),
    bits: 8,
  }))
}

/** Every allocation there is. */
function* all(count: number): Generator<number[]> {
  for (let code = 0; code < CHOICES.length ** count; code++)
    yield Array.from({ length: count }, (_, at) => CHOICES[Math.floor(code / CHOICES.length ** at) % CHOICES.length]!)
}

test.each(['a', 'b', 'c', 'd'])('no other allocation of as few bytes has less noise (%s)', (seed) => {
  const layers = layersOf(seed, 5)
  const given = allocateBits(layers, CHOICES, { bits: 8 })
  const bytes = (bits: readonly number[]): number => layers.reduce((sum, { size }, at) => sum + size * codedBits(bits[at]!), 0)
  const noise = (bits: readonly number[]): number => layers.reduce((sum, layer, at) => sum + noiseOf(layer.noise, bits[at]!), 0)
  expect(bytes(given)).toBeLessThanOrEqual(bytes(layers.map(() => 8)))
  for (const other of all(layers.length))
    if (bytes(other) <= bytes(given)) expect(noise(other)).toBeGreaterThanOrEqual(noise(given) * (1 - 1e-9))
})

test('equal layers get equal bits, and one that no rounding harms gets the fewest', () => {
  const equal = Array.from({ length: 4 }, () => ({ size: 1000, noise: 1e-3, bits: 8 }))
  expect(allocateBits(equal, CHOICES, { bits: 8 })).toEqual([8, 8, 8, 8])
  expect(allocateBits([...equal, { size: 1000, noise: 0, bits: 8 }], CHOICES, { bits: 8 }).at(-1)).toBe(6)
})

test('a small layer that harms most is kept in float16', () => {
  const layers = [
    { size: 100_000, noise: 1e-4, bits: 8 },
    { size: 100_000, noise: 1e-6, bits: 8 },
    { size: 500, noise: 1e-2, bits: 8 },
  ]
  expect(allocateBits(layers, CHOICES, { bits: 8 })[2]).toBe(FLOAT16)
})

test.each(['e', 'f', 'g'])('under a limit of noise no other allocation that holds it takes fewer bytes (%s)', (seed) => {
  const layers = layersOf(seed, 5)
  const bytes = (bits: readonly number[]): number => layers.reduce((sum, { size }, at) => sum + size * codedBits(bits[at]!), 0)
  const noise = (bits: readonly number[]): number => layers.reduce((sum, layer, at) => sum + noiseOf(layer.noise, bits[at]!), 0)
  const limit = noise(layers.map(() => 8)) / 50
  const given = allocateBits(layers, CHOICES, { bits: 8, noise: limit })
  expect(noise(given)).toBeLessThanOrEqual(limit)
  // Allocations on the lower hull: another one may lie between two of them, and take fewer bytes only with more noise than this.
  for (const other of all(layers.length)) if (noise(other) <= noise(given)) expect(bytes(other)).toBeGreaterThanOrEqual(bytes(given) - 1e-9)
})

test('a limit that holds already changes nothing, and a budget of bytes is kept whatever the noise', () => {
  const layers = layersOf('h', 6)
  const given = allocateBits(layers, CHOICES, { bits: 8 })
  expect(allocateBits(layers, CHOICES, { bits: 8, noise: 1e6 })).toEqual(given)
  const total = layers.reduce((sum, { size }) => sum + (size * 5.5) / 8, 0)
  const small = allocateBits(layers, CHOICES, { bits: 8, bytes: total, noise: 0 })
  expect(layers.reduce((sum, { size }, at) => sum + (size * codedBits(small[at]!)) / 8, 0)).toBeLessThanOrEqual(total)
})

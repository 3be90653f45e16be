import type { GoldenInput } from './manifest.ts'

/** Numbers of a sketch. The error of the squared distance that it estimates is a quarter (the root of two over this), 1 dB. */
const WIDTH = 32

/** A number in [0, 1) that depends on `index` alone, the same everywhere (the finalizer of MurmurHash3). */
function hashed(index: number): number {
  let h = index + 1
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296
}

/**
 * The elements of an input of the golden check: uniform between `low` and `high`, row-major.
 * @param whole for element types without fractions: both ends are taken as well.
 * @param seed tells the model's inputs apart: the input's position.
 */
export function goldenValues({ dims, low, high }: GoldenInput, whole: boolean, seed: number): Float64Array {
  const values = new Float64Array(dims.reduce((size, dim) => size * dim, 1))
  for (let at = 0; at < values.length; at++) {
    const share = hashed(at + seed * 1e8)
    values[at] = whole ? low + Math.floor(share * (high - low + 1)) : low + share * (high - low)
  }
  return values
}

/**
 * A digest of an output of any size of which differences can be told: the squared distance of two sketches estimates the squared distance of
 * what they were made of. Up to 32 elements it is the elements themselves, but for their signs. NaN or infinite elements make it NaN or infinite.
 * Alon, Matias and Szegedy 1996, _The space complexity of approximating the frequency moments_.
 */
export function sketch(values: ArrayLike<number | bigint>): number[] {
  const sums = new Array<number>(Math.min(WIDTH, values.length)).fill(0)
  for (let at = 0; at < values.length; at++) sums[at % WIDTH]! += hashed(at) < 0.5 ? -Number(values[at]) : Number(values[at])
  return sums
}

/** Signal to noise ratio in dB of a sketch against the expected one: infinite when they are equal, NaN when numbers are. */
export function sketchSqnr(expected: readonly number[], actual: readonly number[]): number {
  let [signal, noise] = [0, expected.length === actual.length ? 0 : NaN]
  expected.forEach((value, at) => {
    signal += value ** 2
    noise += (value - actual[at]!) ** 2
  })
  return noise === 0 ? Infinity : 10 * Math.log10(signal / noise)
}

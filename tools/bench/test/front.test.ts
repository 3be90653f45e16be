import { describe, expect, it } from 'vitest'
import { type Point, difference, front } from '../quantize/front.ts'

const point = (tool: string, form: string, brotli: number, right: number, count = 1000): Point => ({
  tool,
  form,
  brotli,
  scores: Array.from({ length: count }, (_, index) => ({ correct: index < right ? 1 : 0 })),
})

const ours = point('whittle', 'int8', 1000, 900)

describe('front', () => {
  it('names a peer with fewer bytes and better accuracy', () => {
    expect(front(ours, [point('numpy', 'stored', 900, 950)])).toBe('numpy stored')
  })

  it('is held where every peer that is more accurate is larger, and every smaller one less accurate', () => {
    expect(front(ours, [point('numpy', 'stored', 1100, 950), point('nncf', 'NNCF int8', 900, 800)])).toBe('yes')
  })

  it('takes what the paired interval does not tell apart for a tie, and says so where it is smaller', () => {
    expect(front(ours, [point('numpy', 'stored', 900, 901)])).toBe('yes, numpy stored as accurate in 900')
  })

  it('is not lost to a more accurate peer of the same size', () => {
    expect(front(ours, [point('numpy', 'stored', 1000, 950)])).toBe('yes')
  })
})

describe('difference', () => {
  it('has an interval by sample, not by decision, where a sample holds many decisions', () => {
    const fp32 = Array.from({ length: 10 }, () => ({ correct: 1, decisions: 128 }))
    const equal = difference(fp32, fp32)
    expect(equal).toEqual({ mean: 0, low: 0, high: 0 })
    const worse = difference(
      fp32,
      fp32.map((score, index) => ({ ...score, correct: index < 5 ? 1 : 0.9 })),
    )
    // Student: 9 degrees of freedom, standard deviation sqrt(0.25 / 90) of 0 and -0.1 in equal parts.
    expect(worse.mean).toBeCloseTo(-0.05, 12)
    expect(worse.low).toBeCloseTo(-0.05 - (2.262157 * 0.0527046) / Math.sqrt(10), 4)
  })

  it('has an interval of some width where two that are right or wrong never disagree', () => {
    const { low, high } = difference(ours.scores, ours.scores)
    expect(high).toBeCloseTo(-low, 10)
    expect(high).toBeCloseTo(1.96 ** 2 / (1000 + 1.96 ** 2), 4)
  })
})

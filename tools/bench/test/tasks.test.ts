import { createRandom } from '@whittle/ir'
import { describe, expect, it } from 'vitest'
import { rankCorrelation } from '../tasks/rank-correlation.ts'
import { sentence } from '../tasks/sentence-words.ts'
import { RATE, speak } from '../tasks/speech.ts'
import { FACES, WORDS } from '../tasks/words.ts'

describe('rank correlation', () => {
  it("is that of the textbook's example, with and without ties", () => {
    // 1 - 6 * 194 / (10 * 99)
    const iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    const hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    expect(rankCorrelation(iq, hours)).toBeCloseTo(-29 / 165, 12)
    // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4.
    expect(rankCorrelation([1, 2, 2, 3], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(4.5 * 5), 12)
  })

  it('is 1 for any rising function, -1 for any falling one', () => {
    const values = Array.from({ length: 50 }, (_, index) => Math.sin(index))
    expect(rankCorrelation(values, values.map(Math.exp))).toBeCloseTo(1, 12)
    expect(
      rankCorrelation(
        values,
        values.map((value) => -(value ** 3)),
      ),
    ).toBeCloseTo(-1, 12)
  })
})

describe('samples', () => {
  it('share no word, face or sentence between calibration and evaluation', () => {
    expect(new Set([...WORDS.calibration, ...WORDS.evaluation]).size).toBe(WORDS.calibration.length + WORDS.evaluation.length)
    expect(new Set([...FACES.calibration, ...FACES.evaluation]).size).toBe(FACES.calibration.length + FACES.evaluation.length)
    const drawn = (half: 'calibration' | 'evaluation') =>
      Array.from({ length: 500 }, (_, index) => sentence(createRandom(`${index}`), half))
    const calibrating = new Set(drawn('calibration'))
    expect(drawn('evaluation').filter((text) => calibrating.has(text))).toEqual([])
  })

  it('of speech are the same for a seed, stay within the range, and are louder where somebody speaks', () => {
    const [first, again] = [speak('one', 4 * RATE), speak('one', 4 * RATE)]
    expect(Buffer.from(first.sound.buffer).equals(Buffer.from(again.sound.buffer))).toBe(true)
    expect(Math.max(...first.sound.map(Math.abs))).toBeLessThanOrEqual(1)
    const power = (speaking: number): number => {
      const part = first.sound.filter((_, at) => first.speech[at] === speaking)
      return part.reduce((sum, value) => sum + value * value, 0) / part.length
    }
    expect(power(1)).toBeGreaterThan(10 * power(0))
  })
})

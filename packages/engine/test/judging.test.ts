import { type Dataset, type Runners, Tensor, createRandom } from '@whittle/ir'
import { describe, expect, it } from 'vitest'
import {
  QualityMeter,
  accuracy,
  brotliSize,
  compareOutputs,
  gzipSize,
  pairedMeanInterval,
  pairedProportionInterval,
  topOneAgreement,
  verdict,
} from '../src/index.ts'

describe('quality', () => {
  it('is the SQNR in dB, the cosine and the greatest difference', () => {
    const quality = compareOutputs(Tensor.float32([2], [3, 4]), Tensor.float32([2], [3, 3.5]))
    expect(quality.sqnr).toBeCloseTo(20, 6)
    expect(quality.cosine).toBeCloseTo((9 + 14) / (5 * Math.hypot(3, 3.5)), 12)
    expect(quality.maxAbs).toBe(0.5)
    expect(quality.finite).toEqual({ reference: true, actual: true })
  })

  it('has no SQNR where the outputs are equal', () => {
    expect(compareOutputs(Tensor.float32([2], [0, 0]), Tensor.float32([2], [0, 0]))).toMatchObject({ sqnr: null, cosine: 1, maxAbs: 0 })
    expect(compareOutputs(Tensor.int64([2], [1, 2]), Tensor.int64([2], [1, 2])).sqnr).toBeNull()
  })

  it('sums over samples, output by output', () => {
    const meter = new QualityMeter()
    const noise = [0.1, -0.2, 0.05]
    for (const step of noise)
      meter.add(
        { a: Tensor.float32([1], [2]), b: Tensor.float32([1], [1]) },
        { b: Tensor.float32([1], [1]), a: Tensor.float32([1], [2 + step]) },
      )
    const expected = 10 * Math.log10(12 / noise.reduce((sum, step) => sum + Math.fround(2 + step - 2) ** 2, 0))
    expect(meter.result().a!.sqnr).toBeCloseTo(expected, 4)
    expect(meter.result().b!.sqnr).toBeNull()
    expect(meter.count).toBe(3)
  })

  it('reports the worst SQNR for NaN, infinity and a zero reference, as a finite number', () => {
    const nan = compareOutputs(Tensor.float32([2], [1, 2]), Tensor.float32([2], [1, NaN]))
    expect(nan).toMatchObject({ sqnr: -200, cosine: 0, finite: { reference: true, actual: false } })
    expect(compareOutputs(Tensor.float32([1], [0]), Tensor.float32([1], [1])).sqnr).toBe(-200)
    expect(compareOutputs(Tensor.float32([2], [NaN, 1]), Tensor.float32([2], [NaN, 1])).sqnr).toBeNull()
  })

  it('reads half precision as numbers, and compares strings', () => {
    const half = (values: number[]): Tensor => Tensor.of('float16', [2], values)
    expect(compareOutputs(half([1, 2]), half([1, 2.5])).maxAbs).toBe(0.5)
    expect(compareOutputs(Tensor.strings([2], ['a', 'b']), Tensor.strings([2], ['a', 'c'])).maxAbs).toBe(1)
  })

  it('says which output cannot be compared', () => {
    const meter = new QualityMeter()
    expect(() => meter.add({ y: Tensor.float32([1], [1]) }, { z: Tensor.float32([1], [1]) })).toThrow(
      "output 'y' of the reference is missing; the other model gives 'z'",
    )
    expect(() => meter.add({ y: Tensor.float32([1], [1]) }, { y: Tensor.float32([1, 1], [1]) })).toThrow(
      "output 'y' has shape [1, 1], the reference's has [1]",
    )
  })
})

describe('the paired interval', () => {
  /** Tango's statistic with the nuisance parameter found by search over the likelihood, not by his formula. */
  function statistic(gained: number, lost: number, n: number, delta: number): number {
    const likelihood = (q: number): number => {
      const [up, down] = [q + delta, q]
      const rest = 1 - up - down
      const term = (count: number, p: number): number => (count === 0 ? 0 : count * Math.log(Math.max(p, 1e-300)))
      return up < 0 || down < 0 || rest < 0 ? -Infinity : term(gained, up) + term(lost, down) + term(n - gained - lost, rest)
    }
    let [low, high] = [Math.max(0, -delta), (1 - delta) / 2]
    for (let i = 0; i < 200; i++) {
      const [left, right] = [low + (high - low) / 3, high - (high - low) / 3]
      if (likelihood(left) < likelihood(right)) low = left
      else high = right
    }
    const q = (low + high) / 2
    return (gained - lost - n * delta) / Math.sqrt(n * (2 * q + delta * (1 - delta)))
  }

  it.each([
    [1, 0, 44],
    [0, 5, 60],
    [12, 30, 1000],
    [7, 7, 50],
    [3, 16, 5000],
  ])('ends where the score test is at its 95 %% limits (%i gained, %i lost of %i)', (gained, lost, n) => {
    const [low, high] = pairedProportionInterval(gained, lost, n)
    expect(low).toBeLessThan((gained - lost) / n)
    expect(high).toBeGreaterThan((gained - lost) / n)
    expect(statistic(gained, lost, n, low)).toBeCloseTo(1.95996, 3)
    expect(statistic(gained, lost, n, high)).toBeCloseTo(-1.95996, 3)
  })

  it('is z²/(n + z²) wide on each side where nothing differs', () => {
    const z2 = 1.959963984540054 ** 2
    const [low, high] = pairedProportionInterval(0, 0, 100)
    expect(high).toBeCloseTo(z2 / (100 + z2), 9)
    expect(low).toBeCloseTo(-high, 9)
  })

  it('covers the true difference in 95 % of draws', () => {
    const random = createRandom('coverage')
    let covered = 0
    for (let draw = 0; draw < 2000; draw++) {
      let [gained, lost] = [0, 0]
      for (let i = 0; i < 200; i++) {
        const u = random.next()
        if (u < 0.03) gained++
        else if (u < 0.08) lost++
      }
      const [low, high] = pairedProportionInterval(gained, lost, 200)
      if (low <= -0.02 && high >= -0.02) covered++
    }
    expect(covered / 2000).toBeGreaterThan(0.93)
    expect(covered / 2000).toBeLessThan(0.97)
  })

  it("uses Student's t for other numbers", () => {
    // t(4) = 2.776445; the differences' deviation is 1, so the half width is t / sqrt(5).
    const [low, high] = pairedMeanInterval([-1, 0, 0, 1, 0].map((value) => value * Math.SQRT2))
    expect(high).toBeCloseTo(2.776445 / Math.sqrt(5), 2)
    expect(low).toBeCloseTo(-high, 9)
  })
})

describe('verdict', () => {
  /** `right` of n for the original; the compressed model loses the first `lost` of them. */
  const judge = (n: number, right: number, lost: number, drop: number) =>
    verdict({
      perSampleOriginal: Array.from({ length: n }, (_, i) => (i < right ? 1 : 0)),
      perSampleCompressed: Array.from({ length: n }, (_, i) => (i >= lost && i < right ? 1 : 0)),
      drop,
    })

  it('holds where the whole interval is within the budget', () => {
    const result = judge(5000, 4750, 5, 0.5)
    expect(result).toMatchObject({ decision: 'holds', n: 5000 })
    expect(result.difference).toBeCloseTo(-0.1, 9)
    expect(result.interval[0]).toBeGreaterThan(-0.5)
    expect(result.needs).toBeUndefined()
  })

  it('fails where the whole interval is beyond it', () => {
    expect(judge(1000, 900, 50, 0.5).decision).toBe('fails')
  })

  it('is undecided with too few, and says how many would do', () => {
    const few = judge(100, 95, 0, 0.5)
    expect(few.decision).toBe('undecided')
    expect(few.needs).toBeGreaterThan(100)
    const some = judge(1000, 950, 3, 0.5)
    expect(some.decision).toBe('undecided')
    // The same share lost, on as many samples as it asks for.
    const enough = Math.ceil(some.needs! * 1.3)
    expect(judge(enough, Math.round(enough * 0.95), Math.round(enough * 0.003), 0.5).decision).toBe('holds')
  })

  it('asks for no more samples than it takes, where none or few differ', () => {
    // Nothing differs: z²/(n + z²) is half a hundredth at n = 199 z².
    expect(judge(100, 95, 0, 0.5).needs).toBe(Math.ceil(199 * 1.959963984540054 ** 2))
    expect(judge(765, 700, 0, 0.5).decision).toBe('holds')
    expect(judge(764, 700, 0, 0.5).decision).toBe('undecided')
  })

  it('names no number of samples where none would do', () => {
    expect(judge(1000, 900, 5, 0.5)).not.toHaveProperty('needs')
    expect(verdict({ perSampleOriginal: [0.5], perSampleCompressed: [0.4], drop: 1 })).not.toHaveProperty('needs')
  })

  it('turns the sign where less is better', () => {
    const result = verdict({
      perSampleOriginal: [0.1, 0.2, 0.1, 0.2],
      perSampleCompressed: [0.2, 0.3, 0.2, 0.3],
      drop: 1,
      higherIsBetter: false,
    })
    expect(result.difference).toBeCloseTo(-10, 9)
    expect(result.decision).toBe('fails')
  })

  it('refuses what it cannot judge', () => {
    expect(() => verdict({ perSampleOriginal: [], perSampleCompressed: [], drop: 1 })).toThrow('the metric gave no samples')
    expect(() => verdict({ perSampleOriginal: [1], perSampleCompressed: [1, 1], drop: 1 })).toThrow(
      '1 samples for the original and 2 for the compressed',
    )
    expect(() => verdict({ perSampleOriginal: [NaN], perSampleCompressed: [1], drop: 1 })).toThrow('not finite')
    expect(() => verdict({ perSampleOriginal: [1], perSampleCompressed: [1], drop: -1 })).toThrow(
      'verdict: expected points, 0 or more for drop, received -1',
    )
  })
})

describe('metrics', () => {
  const scores = [
    [0.9, 0.1],
    [0.2, 0.8],
    [0.6, 0.4],
  ]
  const dataset = (label: (index: number) => unknown): Dataset => ({
    key: 'test',
    async *samples() {
      for (const [index] of scores.entries()) yield { inputs: { i: Tensor.float32([1], [index]) }, label: label(index) }
    },
  })
  const run: Runners = {
    model: async ({ i }) => ({ y: Tensor.float32([1, 2], scores[i!.toNumbers()[0]!]!) }),
    original: async () => ({ y: Tensor.float32([1, 2], [1, 0]) }),
  }

  it.each([
    ['numbers', (index: number): unknown => [0, 1, 1][index]],
    ['class tensors', (index: number): unknown => Tensor.int64([1], [[0, 1, 1][index]!])],
    [
      'one score a class',
      (index: number): unknown =>
        Tensor.float32(
          [1, 2],
          [
            [1, 0],
            [0, 1],
            [0, 1],
          ][index]!,
        ),
    ],
  ])('accuracy takes labels as %s', async (_, label) => {
    expect(await accuracy().evaluate(run, dataset(label))).toEqual({ value: 2 / 3, perSample: [1, 1, 0] })
  })

  it('top-1 agreement compares with the original', async () => {
    expect(
      await topOneAgreement().evaluate(
        run,
        dataset(() => undefined),
      ),
    ).toEqual({ value: 2 / 3, perSample: [1, 0, 1] })
  })

  it('says what is missing', async () => {
    await expect(
      accuracy().evaluate(
        run,
        dataset(() => undefined),
      ),
    ).rejects.toThrow('sample 0: accuracy needs a label')
    await expect(
      accuracy({ output: 'z' }).evaluate(
        run,
        dataset(() => 1),
      ),
    ).rejects.toThrow("no output 'z'; its outputs are y")
    await expect(
      topOneAgreement().evaluate(
        { a: run.model!, b: run.model! },
        dataset(() => 1),
      ),
    ).rejects.toThrow("needs a model named 'original'; given are a, b")
    await expect(accuracy().evaluate(run, { key: 'none', async *samples() {} })).rejects.toThrow('the dataset yields no samples')
  })
})

it('measures brotli and gzip at their highest quality', async () => {
  const bytes = new TextEncoder().encode('whittle '.repeat(1000))
  expect(await brotliSize(bytes)).toBeLessThan(40)
  expect(await gzipSize(bytes)).toBeLessThan(80)
  expect(await brotliSize(bytes)).toBeLessThan(await gzipSize(bytes))
})

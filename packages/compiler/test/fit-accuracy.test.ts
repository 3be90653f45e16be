import { describe, expect, it } from 'vitest'
import { type Judged, fitAccuracy } from '../src/accuracy/fit.ts'
import { type Dial, type Setting, dialsOf } from '../src/accuracy/relax.ts'

const WRITTEN: Setting = { alternative: { options: {} }, sqnr: undefined, fallback: [] }

/** A dial whose steps say where it stands. */
const dial = (name: string, steps: number): Dial => ({
  steps,
  turn: (setting, step) => ({ ...setting, fallback: [...setting.fallback, `${name}${step}`] }),
})

/** Builds nothing: noise of each dial adds up, and accuracy holds from `goal` dB on. */
async function fit(dials: readonly Dial[], noise: (steps: string) => number, goal: number) {
  const tried: string[] = []
  const { result } = await fitAccuracy(WRITTEN, dials, ({ fallback }): Promise<Judged> => {
    const steps = fallback.join(' ')
    tried.push(steps)
    const sqnr = -10 * Math.log10(noise(steps))
    const accuracy = {
      ...{ metric: 'm', higherIsBetter: true, original: 1, variant: 1, difference: 0, samples: 9, drop: 1 },
      interval: [sqnr - goal, 0] as [number, number],
      decision: sqnr >= goal ? ('holds' as const) : ('fails' as const),
    }
    return Promise.resolve({ accuracy, sqnr })
  })
  return { tried, sqnr: result.sqnr }
}

/** Of a step named so, or as written. */
const at = (steps: string, name: string): number =>
  Number(
    steps
      .split(' ')
      .find((step) => step.startsWith(name))
      ?.slice(1) ?? 0,
  )

describe('taking back', () => {
  it('builds once where it holds as written', async () => {
    expect((await fit([dial('a', 3)], () => 1e-4, 30)).tried).toEqual([''])
  })

  it('stops at the first step that holds', async () => {
    const { tried } = await fit([dial('a', 3)], (steps) => 10 ** -(2 + at(steps, 'a')), 40)
    expect(tried).toEqual(['', 'a1', 'a2'])
  })

  it('turns the second dial where the first brings nothing, and leaves the first as it was', async () => {
    const { tried } = await fit([dial('a', 3), dial('b', 3)], (steps) => 1e-9 + 10 ** -(1 + at(steps, 'b')), 25)
    expect(tried).toEqual(['', 'a1', 'b1', 'a1 b1', 'b2'])
  })

  it('turns all where none brings anything alone', async () => {
    const equal = (steps: string): number => 10 ** -(1 + at(steps, 'a')) + 10 ** -(1 + at(steps, 'b'))
    const noise = (steps: string): number => (at(steps, 'a') === at(steps, 'b') ? equal(steps) : 0.2)
    expect((await fit([dial('a', 2), dial('b', 2)], noise, 20)).tried).toEqual(['', 'a1', 'b1', 'a1 b1', 'a2 b1', 'a1 b2', 'a2 b2'])
  })

  it('gives the nearest where nothing holds', async () => {
    const best = await fit([dial('a', 3)], (steps) => (at(steps, 'a') === 2 ? 1e-3 : 1e-2), 50)
    expect(best.tried).toHaveLength(4)
    expect(best.sqnr).toBeCloseTo(30, 9)
  })
})

describe('what is taken back', () => {
  const words = (alternative: Setting['alternative'], calibrated: boolean, sqnr = 20): string[][] =>
    dialsOf(alternative, calibrated).map(({ steps, turn }) =>
      Array.from({ length: steps }, (_, step) => turn({ ...WRITTEN, alternative }, step + 1, sqnr).fallback[0]!),
    )

  it.each([
    [
      'int4 with samples',
      { format: { name: 'int4', bits: 4 }, options: {} },
      true,
      [['sqnr=26', 'sqnr=32', 'sqnr=38', 'sqnr=44', 'sqnr=56']],
    ],
    ['int4 without', { format: { name: 'int4', bits: 4 }, options: {} }, false, [['bits=5', 'bits=6', 'bits=8', 'fp16']]],
    [
      'int8 of bits that were told to be the same',
      { format: { name: 'int8', bits: 8 }, options: { 'quantize.allocation': 'uniform' } },
      true,
      [['fp16']],
    ],
    ['codebooks', { format: { name: 'cluster48', cluster: 48 }, options: {} }, true, [['cluster=96', 'cluster=192', 'cluster=256']]],
    ['pruning', { prune: { ratio: 0.6 }, options: {} }, true, [['prune=0.45', 'prune=0.3', 'prune=0.15']]],
    [
      'removing channels',
      { channels: { ratio: 0.4 }, options: {} },
      true,
      [['prune=0.3,channel', 'prune=0.2,channel', 'prune=0.1,channel']],
    ],
    ['a budget of operations', { channels: { macs: 0.5 }, options: {} }, true, [['macs=0.63', 'macs=0.75', 'macs=0.88']]],
    ['a pattern', { prune: { pattern: '2:4' }, options: {} }, true, []],
    ['fp16', { format: { name: 'fp16', float16: true }, options: {} }, true, []],
  ])('of %s', (_, alternative, calibrated, expected) => {
    expect(words(alternative, calibrated)).toEqual(expected)
  })

  it('is no number of dB that follows from outputs without a scale', () => {
    const int8 = { format: { name: 'int8', bits: 8 }, options: {} }
    expect(words(int8, true, Infinity)[0]![0]).toBe('sqnr=66')
    expect(words(int8, true, -200)[0]![0]).toBe('sqnr=16')
  })
})

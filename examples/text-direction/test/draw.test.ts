import { readFile } from 'node:fs/promises'
import { nativeEngine } from '@whittle/engine'
import { type EngineSession, Tensor } from '@whittle/ir'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import calibration from '../data/calibration.ts'
import { drawLines } from '../data/draw.ts'
import evaluation from '../data/evaluation.ts'
import { calibrationWords, evaluationWords } from '../data/words.ts'
import { prepare } from '../scripts/prepare.mjs'
import { INPUT_DIMS, toInput } from '../src/picture.ts'

describe('the drawn lines', () => {
  it('are the same for the same seed, and others for another', () => {
    const draw = (seed: string) => [...drawLines({ seed, words: evaluationWords, count: 3 })]
    expect(draw('a')).toEqual(draw('a'))
    expect(draw('a')).not.toEqual(draw('b'))
  })

  it('are made of at least 400 words, none of which is in both sets', () => {
    expect(new Set([...calibrationWords, ...evaluationWords]).size).toBe(calibrationWords.length + evaluationWords.length)
    expect(calibrationWords.length + evaluationWords.length).toBeGreaterThanOrEqual(400)
    expect(Math.min(calibrationWords.length, evaluationWords.length)).toBeGreaterThanOrEqual(200)
  })

  it('are as many as the datasets say, with inputs of the model’s shape', async () => {
    let count = 0
    for await (const { inputs } of calibration.samples()) {
      expect(inputs['x']!.dims).toEqual(INPUT_DIMS)
      count++
    }
    expect(count).toBe(calibration.length)
    expect(evaluation.length).toBeGreaterThanOrEqual(5000)
  })
})

describe('the original model', () => {
  let session: EngineSession

  beforeAll(async () => {
    await prepare()
    session = await nativeEngine().open(await readFile(new URL('../src/direction.onnx', import.meta.url)))
  })

  afterAll(() => session.dispose())

  async function accuracy(noise: number, count: number): Promise<number> {
    let right = 0
    for (const { picture, turned } of drawLines({ seed: 'evaluation', words: evaluationWords, count, noise })) {
      const outputs = await session.run({ x: Tensor.float32(INPUT_DIMS, toInput(picture)) })
      const [upright, upsideDown] = Object.values(outputs)[0]!.toFloat32()
      if (upsideDown! > upright! === turned) right++
    }
    return right / count
  }

  it('reads clean lines almost without a fault', async () => {
    expect(await accuracy(0, 400)).toBeGreaterThan(0.975)
  })

  it('reads about 95 % of the lines on which the figures are taken', async () => {
    const share = await accuracy(1, 1000)
    expect(share).toBeGreaterThan(0.93)
    expect(share).toBeLessThan(0.97)
  })
})

import { expect, test } from 'vitest'
import { Tensor, createRandom } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { models } from '@whittle/testing'
import { Checker } from '../src/check.ts'
import { mutate } from '../src/mutate.ts'
import { fuzz } from '../src/run.ts'
import { encode, parse } from '../src/wire.ts'

test('2,000 mutated models give a model or an error of ours', async () => {
  const { inputs, models: read, refused, findings } = await fuzz({ count: 2000, seed: 'tests' })
  expect(findings).toEqual([])
  expect(inputs).toBe(2000)
  expect(read).toBeGreaterThan(300)
  expect(refused).toBeGreaterThan(300)
}, 180_000)

test('3,000 mutated weight files are read or refused', async () => {
  const { inputs, models: read, refused, findings } = await fuzz({ count: 3000, seed: 'tests', target: 'weights' })
  expect(findings).toEqual([])
  expect(inputs).toBe(3000)
  expect(read).toBeGreaterThan(100)
  expect(refused).toBeGreaterThan(1000)
}, 180_000)

test('100 random networks give without some channels what they give with them masked', async () => {
  const { inputs, models: right, findings } = await fuzz({ count: 100, seed: 'tests', target: 'channels' })
  expect(findings).toEqual([])
  expect(inputs).toBe(100)
  expect(right).toBe(100)
}, 180_000)

test('a file without a change is its tree', () => {
  for (const make of Object.values(models)) {
    const bytes = writeOnnx(make())
    expect(encode(parse(bytes))).toEqual(bytes)
  }
})

test('the seed fixes the change', () => {
  const bytes = writeOnnx(models.mlp())
  const changed = (seed: string): Uint8Array => mutate(bytes, createRandom(seed), bytes)
  expect(changed('a')).toEqual(changed('a'))
  expect(changed('a')).not.toEqual(changed('b'))
})

test('the checker tells a model, a refusal and a fault apart', () => {
  const checker = new Checker(new Uint8Array(64))
  try {
    const bytes = writeOnnx(models.mlp())
    expect(checker.check(bytes)).toEqual({ kind: 'model' })
    expect(checker.check(bytes.slice(0, -9))).toEqual({ kind: 'refused' })
    const original = Tensor.fromBytes
    try {
      Tensor.fromBytes = () => {
        throw new TypeError('a fault')
      }
      expect(checker.check(bytes)).toMatchObject({ kind: 'failed', why: expect.stringContaining('read: TypeError: a fault') })
    } finally {
      Tensor.fromBytes = original
    }
  } finally {
    checker.close()
  }
})

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { check } from '../src/check.ts'
import { compareReal } from '../src/check-real.ts'
import { differenceOfProtos } from '../src/equal.ts'
import { unpack } from '../src/pack.ts'
import { decodeModel } from '../src/protobuf.ts'
import { lines } from '../src/report.ts'
import { fixture } from '@whittle/testing'

const cases = unpack(readFileSync(fileURLToPath(new URL('fixtures/node-tests.br', import.meta.url))))

test('a slice of ONNX’s test models is written back equal, and upgraded and simplified to the same outputs', async () => {
  expect(cases.length).toBeGreaterThan(150)
  const verdicts = []
  for (const item of cases) verdicts.push(await check(item))
  expect(verdicts.filter(({ passes }) => passes).length).toBeGreaterThan(130)
  // The share of shapes that are reached is measured over all models; none may be wrong here.
  const failures = lines(verdicts)
    .filter(({ what }) => !what.startsWith('declared output shapes'))
    .flatMap((line) => line.failures)
  expect(failures).toEqual([])
})

test.each(['direction', 'detector', 'recogniser', 'voice'] as const)(
  'the real model %s is written back equal and simplified to the same outputs',
  async (name) => {
    expect((await compareReal(readFileSync(fixture(name)), name)).problem).toBeUndefined()
  },
)

test('a changed weight, name or shape is a difference', () => {
  const { model } = cases.find(({ name }) => name.startsWith('node/test_relu'))!
  const before = decodeModel(model)
  expect(differenceOfProtos(before, decodeModel(model))).toBeUndefined()
  const renamed = decodeModel(model)
  renamed.graph!.node[0]!.name = 'other'
  expect(differenceOfProtos(before, renamed)).toContain('node.0.name')
  const other = decodeModel(model)
  other.irVersion += 1n
  expect(differenceOfProtos(before, other)).toContain('irVersion')
})

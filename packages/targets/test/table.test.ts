import { elementTypes } from '@whittle/ir'
import { TARGETS, TARGET_GROUPS, findTargets } from '@whittle/targets'
import { describe, expect, test } from 'vitest'

const names = TARGETS.map(({ name }) => name)

/** Whether a date is one of the calendar, as ISO 8601 writes it. */
const isDate = (text: string): boolean => /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(text).toISOString().startsWith(text)

test('names and ranks are unique, and the order is that of the ranks', () => {
  expect(new Set(names).size).toBe(TARGETS.length)
  const ranks = TARGETS.map(({ rank }) => rank)
  expect(new Set(ranks).size).toBe(TARGETS.length)
  expect(ranks).toEqual([...ranks].sort((a, b) => a - b))
})

test('wasm, which every browser has, comes last', () => {
  expect(names.at(-1)).toBe('wasm')
})

describe.each(TARGETS)('$name', (target) => {
  test('is plain JSON', () => {
    expect(JSON.parse(JSON.stringify(target))).toEqual(target)
  })

  test('says where each of its facts is from, and when', () => {
    const { sources, cost, limits, backEnds } = target
    const facts = [
      'opset',
      'computes',
      'storage',
      'elementTypes',
      ...(target.staticShapes ? ['staticShapes'] : []),
      ...(limits ? ['limits'] : []),
      ...(target.crossing ? ['crossing'] : []),
    ]
    expect(Object.keys(sources).sort()).toEqual(facts.sort())
    const named = (backEnds ?? []).map(({ name, source }) => [name, source] as const)
    for (const [fact, source] of [...Object.entries(sources), ...named, ...(cost ? [['cost', cost.source] as const] : [])]) {
      expect(source.how.length, fact).toBeGreaterThan(20)
      expect(isDate(source.date), `${fact}: ${source.date}`).toBe(true)
    }
  })

  test('is named after its provider, and needs a device type exactly where that is WebNN', () => {
    expect(target.name.startsWith(target.provider)).toBe(true)
    expect(target.deviceType !== undefined).toBe(target.provider === 'webnn')
    if (target.deviceType) expect(target.name).toBe(`webnn-${target.deviceType}`)
    expect(target.probes.length).toBeGreaterThan(0)
    expect(new Set(target.probes).size).toBe(target.probes.length)
  })

  test('takes the opset that models have inside, and float32', () => {
    expect(target.minOpset).toBeLessThanOrEqual(21)
    expect(target.maxOpset).toBeGreaterThanOrEqual(21)
    expect(target.elementTypes).toContain('float32')
    for (const type of target.elementTypes) expect(elementTypes).toContain(type)
    expect(new Set(target.elementTypes).size).toBe(target.elementTypes.length)
  })
})

test('half floats are computed only where the probe for them is asked', () => {
  for (const { name, computes, probes } of TARGETS.filter(({ provider }) => provider === 'webgpu'))
    expect(computes.includes('fp16'), name).toBe(probes.includes('shader-f16'))
})

test('crossing costs something wherever the provider is not the CPU’s', () => {
  for (const { name, provider, crossing } of TARGETS) {
    expect(crossing !== undefined, name).toBe(provider !== 'wasm')
    if (crossing) expect(Math.min(crossing.perCrossing, crossing.perMillionBytes), name).toBeGreaterThan(0)
  }
})

test('only targets with a measured cost table compute with quantized activations', () => {
  for (const { name, computes, cost } of TARGETS) expect(computes.includes('qdq-u8s8'), name).toBe(cost !== undefined)
})

describe('findTargets', () => {
  test('finds each by its name', () => {
    for (const name of names) expect(findTargets(name).map((target) => target.name)).toEqual([name])
  })

  test('finds those of a group, the preferred first', () => {
    expect(findTargets('webnn').map(({ name }) => name)).toEqual(['webnn-npu', 'webnn-gpu', 'webnn-cpu'])
  })

  test.each(['', 'webgl', 'WASM', 'webnn-tpu', 'constructor', 'toString', '__proto__'])('finds nothing for %j', (name) => {
    expect(findTargets(name)).toEqual([])
  })
})

test('groups hold targets that exist, and no group is called as a target', () => {
  for (const [group, members] of Object.entries(TARGET_GROUPS)) {
    expect(names).not.toContain(group)
    for (const member of members) expect(names).toContain(member)
  }
})

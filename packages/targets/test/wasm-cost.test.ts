import { wasm } from '@whittle/targets'
import { expect, test } from 'vitest'

const { rows, quantizePerMillion, dequantizePerMillion } = wasm.cost!

test('every cost and every size is a positive number', () => {
  expect(rows.length).toBeGreaterThan(20)
  for (const row of rows) {
    for (const key of ['inputChannels', 'outputChannels', 'positions'] as const)
      expect(Number.isInteger(row[key]) && row[key] > 0, JSON.stringify(row)).toBe(true)
    for (const key of ['fp32', 'int8'] as const) expect(Number.isFinite(row[key]) && row[key] > 0, JSON.stringify(row)).toBe(true)
    expect(row.kernel.every((size) => Number.isInteger(size) && size > 0)).toBe(true)
  }
  for (const cost of [quantizePerMillion, dequantizePerMillion]) expect(cost > 0 && Number.isFinite(cost)).toBe(true)
})

test('no shape was measured twice', () => {
  const shapes = rows.map(({ fp32: _fp32, int8: _int8, ...shape }) => JSON.stringify(shape))
  expect(new Set(shapes).size).toBe(shapes.length)
})

test('Conv and MatMul are there, and the kernel of a MatMul is 1 x 1', () => {
  expect(new Set(rows.map(({ op }) => op))).toEqual(new Set(['Conv', 'MatMul']))
  for (const { op, kernel, depthwise } of rows) if (op === 'MatMul') expect([kernel, depthwise]).toEqual([[1, 1], false])
})

test('more positions take longer in fp32', () => {
  for (const row of rows) {
    const larger = rows.find((other) => {
      const { fp32: _fp32, int8: _int8, positions, ...shape } = other
      const { fp32: _ownFp32, int8: _ownInt8, positions: own, ...ownShape } = row
      return JSON.stringify(shape) === JSON.stringify(ownShape) && positions >= 4 * own
    })
    if (larger) expect(larger.fp32, JSON.stringify(row)).toBeGreaterThan(row.fp32)
  }
})

import { type IntegerQuantization, createRandom, rangeOf } from '@whittle/ir'
import { quantizeTensor } from '@whittle/quantize'
import { describe, expect, test } from 'vitest'
import { normal, squaredError } from './harness.ts'

const channelsOf = (dims: readonly number[], axis: number | undefined): ((index: number) => number) => {
  if (axis === undefined) return () => 0
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1)
  return (index) => Math.floor(index / inner) % dims[axis]!
}

function expectExact(data: Float32Array, dims: readonly number[], quantization: IntegerQuantization): void {
  const channel = channelsOf(dims, quantization.axis)
  const { max } = rangeOf(quantization)
  data.forEach((item, index) => {
    const scale = quantization.scale[channel(index)]!
    const q = Math.round(item / scale)
    expect(Math.abs(q)).toBeLessThanOrEqual(max)
    expect(item === Math.fround(q * scale)).toBe(true)
  })
}

const isBfloat16 = (value: number): boolean => (new Uint32Array(Float32Array.of(value).buffer)[0]! & 0xffff) === 0

describe.each([2, 3, 4, 5, 6, 7, 8])('with %i bits', (bits) => {
  const dims = [3, 4, 5]
  const data = normal(60, `weights/${bits}`)
  test.each([
    ['axis 0', 0],
    ['axis 1', 1],
    ['the last axis', 2],
    ['no axis', undefined],
  ] as const)('along %s every value is a whole number of bfloat16 steps, within the range', (_, axis) => {
    for (const range of ['minmax', 'mse'] as const) {
      const { data: rounded, quantization } = quantizeTensor(data, dims, { bits, range, axis })
      expect(quantization).toMatchObject({ kind: 'integer', bits, signed: true, ...(axis === undefined ? {} : { axis }) })
      expect('axis' in quantization).toBe(axis !== undefined)
      expect(quantization.scale).toHaveLength(axis === undefined ? 1 : dims[axis]!)
      expect([...quantization.zeroPoint]).toEqual([...quantization.scale].map(() => 0))
      expect([...quantization.scale].every(isBfloat16)).toBe(true)
      expectExact(rounded, dims, quantization)
    }
  })

  test('with minmax each value moves by half a step at most, and the scale is the least bfloat16 that reaches the largest', () => {
    const { data: rounded, quantization } = quantizeTensor(data, dims, { bits, range: 'minmax', axis: 1 })
    const channel = channelsOf(dims, 1)
    const largest = [0, 0, 0, 0]
    data.forEach((item, index) => (largest[channel(index)] = Math.max(largest[channel(index)]!, Math.abs(item))))
    const max = 2 ** (bits - 1) - 1
    quantization.scale.forEach((scale, index) => {
      expect(scale * max).toBeGreaterThanOrEqual(largest[index]!)
      expect(scale * max).toBeLessThanOrEqual(largest[index]! * (1 + 2 ** -7))
    })
    rounded.forEach((item, index) =>
      expect(Math.abs(item - data[index]!)).toBeLessThanOrEqual(quantization.scale[channel(index)]! / 2 + 1e-7),
    )
  })

  test('mse never errs more than minmax, in any channel', () => {
    for (let round = 0; round < 40; round++) {
      const random = createRandom(`mse/${bits}/${round}`)
      const one = Float32Array.from({ length: 30 }, () => random.normal() * (random.next() < 0.1 ? 8 : 1))
      const [full, best] = (['minmax', 'mse'] as const).map((range) =>
        squaredError(one, quantizeTensor(one, [1, 30], { bits, range, axis: 0 }).data),
      )
      expect(best, `round ${round}`).toBeLessThanOrEqual(full!)
    }
  })
})

test('zeros stay zeros, and so do signs', () => {
  const data = normal(200, 'zeros').map((item, index) => (index % 3 === 0 ? 0 : item))
  const { data: rounded } = quantizeTensor(data, [200], { bits: 4, range: 'mse' })
  rounded.forEach((item, index) => {
    if (data[index] === 0) expect(item).toBe(0)
    else expect(item * data[index]!).toBeGreaterThanOrEqual(0)
  })
})

test('a channel of zeros stays so, at scale 1, beside one that is not', () => {
  const { data, quantization } = quantizeTensor(Float32Array.of(0, 0, 1, -2), [2, 2], { bits: 8, range: 'mse', axis: 0 })
  expect([...data.slice(0, 2)]).toEqual([0, 0])
  expect(quantization.scale[0]).toBe(1)
  expectExact(data, [2, 2], quantization)
})

test('beside one huge outlier, minmax keeps the outlier and mse too, since it matters most', () => {
  const data = normal(100, 'outlier')
  data[7] = 1e30
  for (const range of ['minmax', 'mse'] as const) {
    const { data: rounded } = quantizeTensor(data, [100], { bits: 8, range })
    expect(Math.abs(rounded[7]! / 1e30 - 1)).toBeLessThan(0.01)
    expect(rounded.every(Number.isFinite)).toBe(true)
  }
})

test('numbers too small for a step become zeros', () => {
  const { data, quantization } = quantizeTensor(Float32Array.of(1e-40, -1e-42), [2], { bits: 8, range: 'mse' })
  expect([...data].map(Math.abs)).toEqual([0, 0])
  expect(quantization.scale[0]).toBeGreaterThan(0)
})

test('what fills a grid already stays as it is', () => {
  const random = createRandom('grid')
  const data = Float32Array.from({ length: 64 }, (_, index) => (index % 8 === 0 ? 127 : random.integer(255) - 127) * 2 ** (index >> 3))
  for (const range of ['minmax', 'mse'] as const) {
    const { data: rounded, quantization } = quantizeTensor(data, [8, 8], { bits: 8, range, axis: 0 })
    expect(rounded).toEqual(data)
    expect([...quantization.scale]).toEqual([1, 2, 4, 8, 16, 32, 64, 128])
  }
})

test('halves are rounded to even, as QuantizeLinear does', () => {
  const { data, quantization } = quantizeTensor(Float32Array.of(127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5), [7], { bits: 8, range: 'minmax' })
  expect(quantization.scale[0]).toBe(1)
  expect([...data].map((item) => item + 0)).toEqual([127, 0, 2, 2, 0, -2, -2])
})

test('the input is not written', () => {
  const data = normal(16, 'input')
  const before = data.slice()
  quantizeTensor(data, [4, 4], { bits: 3, range: 'mse', axis: 0 })
  expect(data).toEqual(before)
})

describe('blocks', () => {
  const dims = [40, 6]
  const data = normal(240, 'blocks').map((item, at) => item * (at % 6 === 2 ? 9 : 1))

  test('are what each would be alone', () => {
    for (const symmetric of [true, false])
      for (const rounding of ['nearest', 'hqq'] as const) {
        const grid = { bits: 4, range: 'mse', symmetric, rounding } as const
        const { data: all, quantization } = quantizeTensor(data, dims, { ...grid, axis: 1, block: { axis: 0, size: 16 } })
        expect(quantization).toMatchObject({ axis: 1, block: { axis: 0, size: 16 }, signed: symmetric })
        expect(quantization.scale).toHaveLength(3 * 6)
        for (let block = 0; block < 3; block++)
          for (let channel = 0; channel < 6; channel++) {
            const places = Array.from({ length: Math.min(16, 40 - block * 16) }, (_, at) => (block * 16 + at) * 6 + channel)
            const alone = quantizeTensor(
              Float32Array.from(places, (at) => data[at]!),
              [places.length],
              grid,
            )
            expect(Float32Array.from(places, (at) => all[at]!)).toEqual(alone.data)
            expect(quantization.scale[block * 6 + channel]).toBe(alone.quantization.scale[0])
            expect(quantization.zeroPoint[block * 6 + channel]).toBe(alone.quantization.zeroPoint[0])
          }
      }
  })

  test('err less than channels', () => {
    const grid = { bits: 4, range: 'mse', axis: 1 } as const
    const channels = squaredError(quantizeTensor(data, dims, grid).data, data)
    expect(squaredError(quantizeTensor(data, dims, { ...grid, block: { axis: 0, size: 10 } }).data, data)).toBeLessThan(channels)
  })
})

describe('asymmetric grids', () => {
  test.each(['minmax', 'mse'] as const)('with %s hold values within half a step, zeros exactly, and whole zero points', (range) => {
    const data = normal(64, 'asymmetric').map((item, at) => (at % 5 === 0 ? 0 : item + 1))
    const { data: rounded, quantization } = quantizeTensor(data, [64], { bits: 8, range, symmetric: false })
    const [step, zero] = [quantization.scale[0]!, quantization.zeroPoint[0]!]
    expect(quantization.signed).toBe(false)
    expect(Number.isInteger(zero) && zero >= 0 && zero <= 255).toBe(true)
    rounded.forEach((item, at) => {
      const q = Math.round(item / step + zero)
      expect(q >= 0 && q <= 255 && Math.fround((q - zero) * step) === item).toBe(true)
      expect(Math.abs(item - data[at]!)).toBeLessThanOrEqual(step * (range === 'minmax' ? 0.5 + 1e-4 : 16))
      if (data[at] === 0) expect(item).toBe(0)
    })
  })

  test('err less than symmetric ones where values lie on one side', () => {
    const data = normal(256, 'one side').map((item) => Math.abs(item))
    const errors = [true, false].map((symmetric) =>
      squaredError(quantizeTensor(data, [256], { bits: 4, range: 'mse', symmetric }).data, data),
    )
    expect(errors[1]).toBeLessThan(errors[0]! / 3)
  })

  test('of zeros, of tiny numbers and of one huge number are finite', () => {
    for (const data of [new Float32Array(4), Float32Array.of(1e-44, -1e-42), Float32Array.of(1e30, 1, -1, 0), Float32Array.of(-1e38, 3e38)])
      for (const rounding of ['nearest', 'hqq'] as const) {
        const { data: rounded, quantization } = quantizeTensor(data, [data.length], { bits: 4, range: 'mse', symmetric: false, rounding })
        expect(rounded.every(Number.isFinite)).toBe(true)
        expect(quantization.scale[0]! > 0 && Number.isFinite(quantization.scale[0]) && Number.isFinite(quantization.zeroPoint[0])).toBe(
          true,
        )
      }
  })
})

test('beyond 8 bits each bit halves the step', () => {
  const data = normal(100, 'many bits')
  const errors = [8, 10, 12, 16].map((bits) => squaredError(quantizeTensor(data, [100], { bits, range: 'minmax' }).data, data))
  errors.slice(1).forEach((error, at) => expect(error).toBeLessThan(errors[at]! / 8))
})

test('hqq loses less than least squares to most of the weights, and more to a few', () => {
  const random = createRandom('hqq')
  const data = Float32Array.from({ length: 512 }, () => random.normal() * (random.next() < 0.05 ? 5 : 1))
  const [nearest, hqq] = (['nearest', 'hqq'] as const).map(
    (rounding) => quantizeTensor(data, [8, 64], { bits: 3, range: 'minmax', axis: 0, symmetric: false, rounding }).data,
  )
  const median = (values: Float32Array): number => [...values.map((item, at) => Math.abs(item - data[at]!))].sort((a, b) => a - b)[256]!
  expect(median(hqq!)).toBeLessThan(median(nearest!))
})

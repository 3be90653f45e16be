import { type Dim, createRandom, evaluateDim, substituteDim } from '@whittle/ir'
import { expect, test } from 'vitest'
import { addDims, divDims, exactDivDims, maxDims, minDims, mulDims, sameDim, subDims } from '../src/ops/dim.ts'

test('numbers fold, symbols become canonical expressions', () => {
  expect(addDims(2, 3)).toBe(5)
  expect(addDims(1, 'N')).toBe('N+1')
  expect(mulDims('N', 2)).toBe('2*N')
  expect(mulDims('b', 'a')).toBe('a*b')
  expect(divDims(addDims('W', 1), 2)).toBe('floor((W+1)/2)')
  expect(subDims('N', 'N')).toBe(0)
})

test('what a divisor divides comes out of the floor, and floors in floors merge', () => {
  expect(divDims(mulDims('W', 6), 3)).toBe('2*W')
  expect(divDims(addDims(mulDims('W', 2), 1), 2)).toBe('W')
  const half = (dim: Dim): Dim => addDims(divDims(subDims(dim, 1), 2), 1)
  expect(half('W')).toBe('floor((W+1)/2)')
  expect(half(half('W'))).toBe('floor((W+3)/4)')
})

test('products are divided back', () => {
  const size = mulDims(mulDims('N', addDims('H', 1)), 12)
  expect(exactDivDims(size, mulDims('N', 3))).toBe('4*H+4')
  expect(exactDivDims(size, addDims('H', 1))).toBe('12*N')
  expect(exactDivDims('N', 2)).toBeUndefined()
})

test('greatest and least resolve where the difference is a number', () => {
  expect(maxDims('N', addDims('N', 2))).toBe('N+2')
  expect(minDims(3, 'N')).toBe('min(3,N)')
  expect(minDims('N', 3)).toBe('min(3,N)')
})

test('names that are no identifiers are symbols all the same', () => {
  for (const name of ['p2o.DynamicDimension.0', 'sequence length', '/model/Add_dim0', 'a//b']) {
    expect(evaluateDim(addDims(mulDims(name, 2), 1), { [name]: 5 })).toBe(11)
    expect(subDims(addDims(name, 1), 1)).toBe(name)
  }
  expect(sameDim('past + 1', addDims(1, 'past'))).toBe(true)
})

test('symbols are replaced by numbers and by expressions', () => {
  expect(substituteDim('floor((W+1)/2)', { W: 'V+V' })).toBe('V')
  expect(evaluateDim('2*N', {})).toBeUndefined()
})

test('every expression has the value of the same arithmetic on numbers', () => {
  const random = createRandom('dims')
  const sizes = { N: 3, H: 17, W: 64 }
  for (let round = 0; round < 2000; round++) {
    let dim: Dim = ['N', 'H', 'W', 5][random.integer(4)]!
    let value = evaluateDim(dim, sizes)!
    for (let step = 0; step < 5; step++) {
      const operand = [random.integer(9) + 1, 'N', 'H', 'W'][random.integer(4)]!
      const number = evaluateDim(operand, sizes)!
      const [symbolic, numeric] = [
        [addDims, (a: number, b: number) => a + b],
        [subDims, (a: number, b: number) => a - b],
        [mulDims, (a: number, b: number) => a * b],
        [divDims, (a: number, b: number) => Math.floor(a / b)],
        [maxDims, Math.max],
        [minDims, Math.min],
      ][random.integer(6)] as [(a: Dim, b: Dim) => Dim, (a: number, b: number) => number]
      const before = dim
      dim = symbolic(dim, operand)
      value = numeric(value, number)
      // A call of expect for each step would take most of the time.
      if (evaluateDim(dim, sizes) !== value)
        expect.fail(`${before} then ${operand} gave ${dim}, which is ${evaluateDim(dim, sizes)} and not ${value}`)
    }
  }
})

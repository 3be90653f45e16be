import type { Dim } from '../graph.ts'
import { type Poly, constant, divide, floorOf, parse, plus, print, select, substitute, times } from './polynomial.ts'

/** Arithmetic on dimensions: numbers fold, symbols become canonical expressions such as `2*N` or `floor((W+1)/2)`. */

export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b
  if (a === 0) return b
  if (b === 0) return a
  return print(plus(polyOf(a), polyOf(b)))
}

export function subDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (b === 0) return a
  return print(plus(polyOf(a), times(polyOf(b), constant(-1))))
}

export function mulDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b
  if (a === 1) return b
  if (b === 1) return a
  return print(times(polyOf(a), polyOf(b)))
}

/** `floor(a / b)`. */
export function divDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return Math.floor(a / b)
  if (b === 1) return a
  return print(floorOf(polyOf(a), polyOf(b)))
}

/** `a / b` where the division is exact whatever the symbols are; else undefined. */
export function exactDivDims(a: Dim, b: Dim): Dim | undefined {
  if (b === 0) return undefined
  if (typeof a === 'number' && typeof b === 'number') return a % b === 0 ? a / b : undefined
  const quotient = divide(polyOf(a), polyOf(b))
  return quotient && print(quotient)
}

/** `ceil(a / b)` for a whole number `b`. */
export function ceilDivDims(a: Dim, b: number): Dim {
  return divDims(addDims(a, b - 1), b)
}

export function maxDims(a: Dim, b: Dim): Dim {
  return typeof a === 'number' && typeof b === 'number' ? Math.max(a, b) : print(select('max', polyOf(a), polyOf(b)))
}

export function minDims(a: Dim, b: Dim): Dim {
  return typeof a === 'number' && typeof b === 'number' ? Math.min(a, b) : print(select('min', polyOf(a), polyOf(b)))
}

/** Whether the two are equal whatever the symbols are. */
export function sameDim(a: Dim, b: Dim): boolean {
  return a === b || subDims(a, b) === 0
}

/** The product: the number of elements of a shape. */
export function sizeOf(shape: readonly Dim[]): Dim {
  return shape.reduce<Dim>(mulDims, 1)
}

/** The dimension with numbers or other expressions in the place of some symbols. */
export function substituteDim(dim: Dim, bindings: Readonly<Record<string, Dim>>): Dim {
  if (typeof dim === 'number') return dim
  if (Object.hasOwn(bindings, dim)) return bindings[dim]!
  return print(substitute(parse(dim), (name) => (Object.hasOwn(bindings, name) ? polyOf(bindings[name]!) : undefined)))
}

/** The number that a dimension has for given symbols; undefined where one is missing. */
export function evaluateDim(dim: Dim, bindings: Readonly<Record<string, number>>): number | undefined {
  return fixed(substituteDim(dim, bindings))
}

/** The dimension if it is a number, else undefined. */
export function fixed(dim: Dim | undefined): number | undefined {
  return typeof dim === 'number' ? dim : undefined
}

/** The whole shape if it is numbers only, else undefined. */
export function fixedShape(shape: readonly Dim[] | undefined): number[] | undefined {
  return shape?.every((dim) => typeof dim === 'number') ? (shape as number[]) : undefined
}

function polyOf(dim: Dim): Poly {
  return typeof dim === 'number' ? constant(dim) : parse(dim)
}

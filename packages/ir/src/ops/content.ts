import { type ElementType, kindOf } from '../element-type.ts'
import type { Dim } from '../graph.ts'
import { addDims, divDims, maxDims, minDims, mulDims, sameDim, subDims } from './dim.ts'

/** Arithmetic on the elements of small tensors, which are mostly shapes: numbers, or symbols where the type is a whole number. */
export type ContentRule = (a: Dim, b: Dim, type: ElementType) => Dim | undefined

/** Exact for numbers; `symbolic` where an operand is a symbol. */
function rule(
  numeric: (a: number, b: number, whole: boolean) => number,
  symbolic?: (a: Dim, b: Dim, whole: boolean) => Dim | undefined,
): ContentRule {
  return (a, b, type) => {
    const whole = kindOf(type) !== 'float'
    if (typeof a === 'number' && typeof b === 'number') return numeric(a, b, whole)
    // A symbol stands for a whole number; a product with a fraction is none.
    if (!isWhole(a) || !isWhole(b)) return undefined
    return symbolic?.(a, b, whole)
  }
}

export const contentRules = {
  add: rule((a, b) => a + b, addDims),
  sub: rule((a, b) => a - b, subDims),
  mul: rule((a, b) => a * b, mulDims),
  div: rule(
    (a, b, whole) => (whole ? Math.trunc(a / b) : a / b),
    (a, b, whole) => (whole && b !== 0 ? divDims(a, b) : undefined),
  ),
  mod: rule(
    (a, b) => a - Math.floor(a / b) * b,
    (a, b) => (b === 0 ? undefined : subDims(a, mulDims(divDims(a, b), b))),
  ),
  min: rule((a, b) => Math.min(a, b), minDims),
  max: rule((a, b) => Math.max(a, b), maxDims),
  equal: rule(
    (a, b) => Number(a === b),
    (a, b) => (sameDim(a, b) ? 1 : undefined),
  ),
  less: rule((a, b) => Number(a < b)),
  lessOrEqual: rule((a, b) => Number(a <= b)),
  greater: rule((a, b) => Number(a > b)),
  greaterOrEqual: rule((a, b) => Number(a >= b)),
  and: rule((a, b) => Number(a !== 0 && b !== 0)),
  or: rule((a, b) => Number(a !== 0 || b !== 0)),
} satisfies Record<string, ContentRule>

/** Applies a rule to two contents, one element broadcast over many; undefined where one element is not known. */
export function combine(
  a: readonly Dim[] | undefined,
  b: readonly Dim[] | undefined,
  type: ElementType | undefined,
  apply: ContentRule,
): Dim[] | undefined {
  if (!a || !b || !type || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return undefined
  const length = a.length === 1 ? b.length : a.length
  return all(Array.from({ length }, (_, index) => apply(a[a.length === 1 ? 0 : index]!, b[b.length === 1 ? 0 : index]!, type)))
}

/** The list, if no item is missing. */
export function all<T>(items: readonly (T | undefined)[]): T[] | undefined {
  return items.every((item) => item !== undefined) ? (items as T[]) : undefined
}

function isWhole(dim: Dim): boolean {
  return typeof dim === 'string' || Number.isInteger(dim)
}

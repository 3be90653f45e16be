import type { Dim, Node, Value } from '../graph.ts'
import { constantOf } from './constant.ts'
import { addDims, exactDivDims, fixed, fixedShape, maxDims, mulDims, sameDim } from './dim.ts'
import type { Facts } from './row.ts'

/** Shape rules that op families share. */

/** The broadcast of two shapes, as numpy's; undefined where one is unknown. */
export function broadcast(a: readonly Dim[] | undefined, b: readonly Dim[] | undefined, facts: Facts): Dim[] | undefined {
  if (!a || !b) return undefined
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, index) => {
    const left = a[index - rank + a.length] ?? 1
    const right = b[index - rank + b.length] ?? 1
    if (left === 1) return right
    if (right === 1 || sameDim(left, right)) return left
    if (typeof left === 'number' && typeof right === 'number') return facts.fail(`dimensions ${left} and ${right} do not broadcast`)
    // One of them is more than 1, so it is the result of any valid run.
    if (typeof left === 'number') return left
    if (typeof right === 'number') return right
    return maxDims(left, right)
  })
}

/** Output 0 as input 0: type and shape. */
export function sameAsFirst(_node: Node, facts: Facts): void {
  facts.set(0, facts.type(0), facts.shape(0))
}

/** Throws where two dimensions are numbers and differ. */
export function expectSame(what: string, a: Dim | undefined, b: Dim | undefined, facts: Facts): void {
  if (typeof a === 'number' && typeof b === 'number' && a !== b) facts.fail(`${what}: ${a} and ${b} must be equal`)
}

/** Throws where the rank of an input is known and not as expected. */
export function expectRank(input: number, rank: number, facts: Facts): void {
  const shape = facts.shape(input)
  if (shape && shape.length !== rank) facts.fail(`input ${input} must have rank ${rank}`)
}

/** `axis` counted from the front. */
export function axisFromFront(axis: number, rank: number, facts: Facts): number {
  if (axis < -rank || axis >= rank) facts.fail(`axis ${axis} is outside of rank ${rank}`)
  return axis < 0 ? axis + rank : axis
}

/** Integers of a known constant or computed input; undefined where an element is not known. */
export function knownInts(input: number, facts: Facts): number[] | undefined {
  return fixedShape(facts.content(input))
}

/** The rank of a value, from its constant or its shape. */
export function rankOf(value: Value | undefined): number | undefined {
  return constantOf(value)?.dims.length ?? value?.shape?.length
}

/** The elements of a value, where all dimensions are numbers. */
export function elementsOf(value: Value | undefined): number | undefined {
  return fixedShape(value?.shape)?.reduce((product, dim) => product * dim, 1)
}

/** Where `-1` stands for the rest: the dims with it filled in. */
export function fillRest(total: Dim | undefined, dims: readonly Dim[], facts: Facts): Dim[] | undefined {
  const at = dims.indexOf(-1)
  if (at < 0) return [...dims]
  if (total === undefined) return undefined
  const known = dims.filter((_, index) => index !== at).reduce<Dim>(mulDims, 1)
  const rest = exactDivDims(total, known)
  if (rest === undefined && fixed(total) !== undefined && fixed(known) !== undefined)
    facts.fail(`${total} elements cannot be arranged as [${dims.join(',')}]`)
  return dims.map((dim, index) => (index === at ? (rest ?? facts.fresh(0, at)) : dim))
}

/** Sum of dims. */
export function sumDims(dims: readonly Dim[]): Dim {
  return dims.reduce<Dim>(addDims, 0)
}

/** More dimensions than that no runtime takes; a file may claim any number. */
export const MOST_DIMS = 64

/** A shape of which only the rank is known. */
export function freshShape(rank: Dim | undefined, facts: Facts): Dim[] | undefined {
  return typeof rank === 'number' && rank <= MOST_DIMS ? Array.from({ length: rank }, (_, axis) => facts.fresh(0, axis)) : undefined
}

import { type Node, type Value, constantOf } from '@whittle/ir'
import { numberOf, scalar } from './patterns.ts'

/** Higher powers are not followed. */
const MAX_DEGREE = 3
const MAX_DEPTH = 8

/** The ops that spell polynomials out. */
export const ARITHMETIC: ReadonlySet<string> = new Set(['Mul', 'Div', 'Add', 'Sub', 'Pow'])

/** Coefficients, from that of `x^0` on. */
export type Polynomial = readonly number[]

/**
 * Reads `value` as a polynomial of `x`, spelled out in Mul, Div, Add, Sub and Pow with constant numbers; undefined where it is none.
 * @param nodes is given the nodes that spell it out.
 */
export function polynomialOf(value: Value, x: Value, nodes: Set<Node>, depth = MAX_DEPTH): Polynomial | undefined {
  if (value === x) return [0, 1]
  const number = scalar(value)
  if (number !== undefined) return [number]
  const node = value.producer
  if (!node || !ARITHMETIC.has(node.type) || depth === 0 || constantOf(value)) return undefined
  const [a, b] = node.inputs
  const left = a && polynomialOf(a, x, nodes, depth - 1)
  if (!left || !b) return undefined
  if (node.type === 'Pow') {
    nodes.add(node)
    return power(left, numberOf(b))
  }
  const right = polynomialOf(b, x, nodes, depth - 1)
  if (!right) return undefined
  nodes.add(node)
  switch (node.type) {
    case 'Mul':
      return multiply(left, right)
    case 'Div':
      return right.length === 1 ? left.map((item) => item / right[0]!) : undefined
    case 'Add':
      return sum(left, right, 1)
    case 'Sub':
      return sum(left, right, -1)
    default:
      return undefined
  }
}

/** Equal up to what float32 loses. */
export function isClose(a: Polynomial | undefined, b: Polynomial): boolean {
  return a?.length === b.length && b.every((item, index) => Math.abs(a[index]! - item) <= 1e-5 * Math.abs(item))
}

export function multiply(a: Polynomial, b: Polynomial): Polynomial | undefined {
  if (a.length + b.length - 2 > MAX_DEGREE) return undefined
  const product = new Array<number>(a.length + b.length - 1).fill(0)
  a.forEach((left, i) => b.forEach((right, j) => (product[i + j]! += left * right)))
  return product
}

function power(base: Polynomial, exponent: number | undefined): Polynomial | undefined {
  if (exponent !== 2 && exponent !== 3) return undefined
  const square = multiply(base, base)
  return exponent === 2 ? square : square && multiply(square, base)
}

function sum(a: Polynomial, b: Polynomial, sign: number): Polynomial {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, index) => (a[index] ?? 0) + sign * (b[index] ?? 0))
}

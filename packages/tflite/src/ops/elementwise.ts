import type { Value } from '@whittle/ir'
import type { Lowering } from '../lowering.ts'
import { activate } from './activation.ts'
import type { Row } from './row.ts'

const unary = (op: string): Row => ({ lower: (l) => l.keep(l.op.input(0), l.op.output(), (value) => l.node(op, [value])) })

const computed = (emit: (l: Lowering, value: Value) => Value): Row => ({
  lower: (l) => l.keep(l.op.input(0), l.op.output(), (value) => emit(l, value)),
})

const many = (count: number, emit: (l: Lowering, values: Value[]) => Value, options?: string): Row => ({
  ...(options ? { options } : {}),
  lower: (l) => {
    const refs = Array.from({ length: count }, (_, index) => l.op.input(index))
    l.together(refs, l.op.output(), (values) => emit(l, values))
  },
})

const binary = (op: string): Row => many(2, (l, values) => l.node(op, values))
const fused = (op: string, options: string): Row => many(2, (l, values) => activate(l, l.node(op, values)), options)

function isInteger(l: Lowering): boolean {
  return l.info(l.op.input(0)).type.includes('int') && !l.isQuantized(l.op.input(0))
}

/** Rounded down, for whole numbers too, which ONNX's Div rounds to zero. */
function floorDivide(l: Lowering, [a, b]: Value[]): Value {
  if (!isInteger(l)) return l.node('Floor', [l.node('Div', [a, b])])
  const remainder = l.node('Mod', [a, b])
  return l.node('Div', [l.node('Sub', [a, remainder]), b])
}

/** The remainder with the divisor's sign. */
function floorRemainder(l: Lowering, [a, b]: Value[]): Value {
  if (isInteger(l)) return l.node('Mod', [a, b])
  return l.node('Sub', [a, l.node('Mul', [l.node('Floor', [l.node('Div', [a, b])]), b])])
}

function squaredDifference(l: Lowering, values: Value[]): Value {
  const difference = l.node('Sub', values)
  return l.node('Mul', [difference, difference])
}

/** SELECT takes a condition of one dimension by rows. */
const select: Row = {
  lower(l) {
    const [condition, output] = [l.op.input(0), l.op.output()]
    const rank = l.rank(output)
    if (l.op.name === 'SELECT' && l.rank(condition) === 1 && rank > 1) {
      const rows = l.node('Unsqueeze', [l.last(condition), l.ints(Array.from({ length: rank - 1 }, (_, axis) => axis + 1))])
      return l.give(output, l.node('Where', [rows, l.last(l.op.input(1)), l.last(l.op.input(2))]))
    }
    l.together([condition, l.op.input(1), l.op.input(2)], output, (values) => l.node('Where', values))
  },
}

const addN: Row = { lower: (l) => l.together(l.op.inputs, l.op.output(), (values) => l.node('Sum', values)) }

export const elementwiseRows: Readonly<Record<string, Row>> = {
  ADD: fused('Add', 'AddOptions'),
  SUB: fused('Sub', 'SubOptions'),
  MUL: fused('Mul', 'MulOptions'),
  DIV: fused('Div', 'DivOptions'),
  ADD_N: addN,
  MAXIMUM: binary('Max'),
  MINIMUM: binary('Min'),
  POW: binary('Pow'),
  FLOOR_DIV: many(2, floorDivide),
  FLOOR_MOD: many(2, floorRemainder),
  SQUARED_DIFFERENCE: many(2, squaredDifference),
  EQUAL: binary('Equal'),
  NOT_EQUAL: many(2, (l, values) => l.node('Not', [l.node('Equal', values)])),
  LESS: binary('Less'),
  LESS_EQUAL: binary('LessOrEqual'),
  GREATER: binary('Greater'),
  GREATER_EQUAL: binary('GreaterOrEqual'),
  LOGICAL_AND: binary('And'),
  LOGICAL_OR: binary('Or'),
  LOGICAL_NOT: unary('Not'),
  SELECT: select,
  SELECT_V2: select,
  ABS: unary('Abs'),
  NEG: unary('Neg'),
  EXP: unary('Exp'),
  LOG: unary('Log'),
  SQRT: unary('Sqrt'),
  RSQRT: computed((l, value) => l.node('Reciprocal', [l.node('Sqrt', [value])])),
  SQUARE: computed((l, value) => l.node('Mul', [value, value])),
  SIN: unary('Sin'),
  COS: unary('Cos'),
  FLOOR: unary('Floor'),
  CEIL: unary('Ceil'),
  ROUND: unary('Round'),
  SIGN: unary('Sign'),
}

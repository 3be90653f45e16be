import type { ElementType } from '../element-type.ts'
import { kindOf } from '../element-type.ts'
import type { Dim, Node } from '../graph.ts'
import { broadcastLinks } from './axes/link.ts'
import { type ContentRule, all, combine, contentRules } from './content.ts'
import type { AxisRule, Facts, OpRow } from './row.ts'
import { broadcast, rankOf, sameAsFirst } from './rules.ts'

/** Ops of which each output element depends on the elements at its own place of the inputs, which broadcast. */

// prettier-ignore
const UNARY = [
  'Abs', 'Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'BitwiseNot', 'Celu', 'Cos', 'Cosh', 'Elu', 'Erf', 'Exp', 'Gelu',
  'HardSigmoid', 'HardSwish', 'LeakyRelu', 'Log', 'Mish', 'Neg', 'Reciprocal', 'Relu', 'Selu', 'Shrink', 'Sigmoid', 'Sign', 'Sin',
  'Sinh', 'Softplus', 'Softsign', 'Sqrt', 'Swish', 'Tan', 'Tanh', 'ThresholdedRelu',
  'com.microsoft.Gelu', 'com.microsoft.QuickGelu', 'com.microsoft.ScaledSiLU',
]

/** Those that leave whole numbers as they are, or change shapes in a way that matters. */
const ROUNDING: Record<string, (value: number) => number> = { Ceil: Math.ceil, Floor: Math.floor, Round: roundHalfToEven }

const BINARY: Record<string, ContentRule | undefined> = {
  Add: contentRules.add,
  Sub: contentRules.sub,
  Mul: contentRules.mul,
  Div: contentRules.div,
  Mod: contentRules.mod,
  Pow: undefined,
  BitShift: undefined,
  BitwiseAnd: undefined,
  BitwiseOr: undefined,
  BitwiseXor: undefined,
}

const COMPARISON: Record<string, ContentRule | undefined> = {
  And: contentRules.and,
  Or: contentRules.or,
  Xor: undefined,
  Equal: contentRules.equal,
  Less: contentRules.less,
  LessOrEqual: contentRules.lessOrEqual,
  Greater: contentRules.greater,
  GreaterOrEqual: contentRules.greaterOrEqual,
}

const VARIADIC: Record<string, ContentRule | undefined> = {
  Max: contentRules.max,
  Min: contentRules.min,
  Sum: contentRules.add,
  Mean: undefined,
}

const unary = (type: string): OpRow => ({ type, elementwise: true, infer: sameAsFirst })

function binary(type: string, rule: ContentRule | undefined, output?: ElementType): OpRow {
  return {
    type,
    elementwise: true,
    infer(_node, facts) {
      const shape = broadcast(facts.shape(0), facts.shape(1), facts)
      const content = rule && isSmall(shape) ? combine(facts.content(0), facts.content(1), facts.type(0), rule) : undefined
      facts.set(0, output ?? facts.type(0), shape, content)
    },
  }
}

function variadic(type: string, rule: ContentRule | undefined): OpRow {
  return {
    type,
    elementwise: true,
    infer(node, facts) {
      const inputs = node.inputs.map((_, index) => index)
      const shape = inputs.map((index) => facts.shape(index)).reduce((a, b) => broadcast(a, b, facts))
      const content = (index: number): readonly Dim[] | undefined => (rule && isSmall(shape) ? facts.content(index) : undefined)
      const joined = inputs.slice(1).reduce((a, index) => combine(a, content(index), facts.type(0), rule!), content(0))
      facts.set(0, facts.type(0), shape, joined)
    },
  }
}

function inferNeg(_node: Node, facts: Facts): void {
  const type = facts.type(0)
  facts.set(0, type, facts.shape(0), type && combine([0], facts.content(0), type, contentRules.sub))
}

function isSmall(shape: readonly Dim[] | undefined): boolean {
  return shape !== undefined && shape.length < 2
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor
}

function inferCast(facts: Facts, type: ElementType | undefined): void {
  const content = facts.content(0)
  const kept = type && content && all(content.map((item) => castItem(item, type)))
  facts.set(0, type, facts.shape(0), kept)
}

/** A symbol is a dimension, hence whole and positive: it stays what it is in all but bool. */
function castItem(item: Dim, type: ElementType): Dim | undefined {
  if (kindOf(type) === 'float') return item
  if (type === 'bool') return typeof item === 'number' ? Number(item !== 0) : undefined
  if (kindOf(type) === 'string') return undefined
  return typeof item === 'number' ? Math.trunc(item) : item
}

/** ONNX's numbers of element types, as `Cast` names them in its attribute `to`. */
// prettier-ignore
const ONNX_TYPES: readonly (ElementType | undefined)[] = [
  undefined, 'float32', 'uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', 'string', 'bool', 'float16', 'float64', 'uint32', 'uint64',
  'complex64', 'complex128', 'bfloat16', 'float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz', 'uint4', 'int4', 'float4e2m1',
  'float8e8m0', 'uint2', 'int2', 'float6e2m3', 'float6e3m2',
]

/** The element type that an int attribute names; undefined where the attribute is absent or its number unknown. */
export function typeAttribute(node: Node, name: string): ElementType | undefined {
  const number = node.int(name)
  return number === undefined ? undefined : ONNX_TYPES[number]
}

/** Its other inputs are single numbers, or are read for their type. */
const ofFirst = (node: Node): AxisRule => ({ links: broadcastLinks(node, [0]) })

export const elementwiseRows: readonly OpRow[] = [
  ...UNARY.map((type) => (type === 'Neg' ? { ...unary(type), infer: inferNeg } : unary(type))),
  ...Object.entries(ROUNDING).map(([type, round]) => ({
    ...unary(type),
    infer(_node: Node, facts: Facts) {
      const content = facts.content(0)?.map((item) => (typeof item === 'number' ? round(item) : item))
      facts.set(0, facts.type(0), facts.shape(0), content)
    },
  })),
  ...Object.entries(BINARY).map(([type, rule]) => binary(type, rule)),
  ...Object.entries(COMPARISON).map(([type, rule]) => binary(type, rule, 'bool')),
  ...Object.entries(VARIADIC).map(([type, rule]) => variadic(type, rule)),
  { ...binary('PRelu', undefined), weights: [{ input: 1, role: 'scale', outputAxis: slopeAxis }] },
  binary('com.microsoft.BiasGelu', undefined),
  { type: 'com.microsoft.FastGelu', elementwise: true, weights: [{ input: 1, role: 'bias', outputAxis: () => 0 }], infer: sameAsFirst },
  {
    type: 'Identity',
    elementwise: true,
    infer: (_node, facts) => facts.setFact(0, facts.fact(0) ?? { type: undefined, shape: undefined }),
  },
  {
    type: 'Not',
    elementwise: true,
    infer(_node, facts) {
      const content = facts.content(0)?.map((item) => (item === 0 ? 1 : item === 1 ? 0 : undefined))
      facts.set(0, 'bool', facts.shape(0), content && all(content))
    },
  },
  { type: 'IsNaN', elementwise: true, infer: (_node, facts) => facts.set(0, 'bool', facts.shape(0)) },
  { type: 'IsInf', elementwise: true, infer: (_node, facts) => facts.set(0, 'bool', facts.shape(0)) },
  { type: 'Cast', elementwise: true, infer: (node, facts) => inferCast(facts, typeAttribute(node, 'to')) },
  { type: 'BitCast', elementwise: true, infer: (node, facts) => facts.set(0, typeAttribute(node, 'to'), facts.shape(0)) },
  binary('SwiGLU', undefined),
  { type: 'CastLike', infer: (_node, facts) => inferCast(facts, facts.type(1)), axes: ofFirst },
  { type: 'Clip', infer: sameAsFirst, axes: ofFirst },
  {
    type: 'Where',
    elementwise: true,
    infer(_node, facts) {
      const shape = broadcast(facts.shape(0), broadcast(facts.shape(1), facts.shape(2), facts), facts)
      const [condition, yes, no] = [facts.content(0), facts.content(1), facts.content(2)]
      const length = Math.max(condition?.length ?? 0, yes?.length ?? 0, no?.length ?? 0)
      const pick = (list: readonly Dim[], index: number): Dim | undefined => list[list.length === 1 ? 0 : index]
      const chosen =
        condition && yes && no && isSmall(shape)
          ? all(Array.from({ length }, (_, index) => whereItem(pick(condition, index), pick(yes, index), pick(no, index))))
          : undefined
      facts.set(0, facts.type(1), shape, chosen)
    },
  },
  {
    // In inference it passes its input through.
    type: 'Dropout',
    infer(_node, facts) {
      facts.set(0, facts.type(0), facts.shape(0))
      facts.set(1, 'bool', facts.shape(0))
    },
    axes: (node) => ({ links: broadcastLinks(node, [0], [0, 1]) }),
  },
]

/** The axis of PRelu's slope that lies on the channels (axis 1) of the input. */
function slopeAxis(node: Node): number | undefined {
  const [input, slope] = [rankOf(node.inputs[0]), rankOf(node.inputs[1])]
  return input === undefined || slope === undefined ? undefined : 1 - (input - slope)
}

function whereItem(condition: Dim | undefined, yes: Dim | undefined, no: Dim | undefined): Dim | undefined {
  if (typeof condition === 'number') return condition ? yes : no
  return yes === no ? yes : undefined
}

import type { ElementType } from '../element-type.ts'

/** The type of an attribute, as ONNX names them. */
export type AttributeType =
  'float' | 'int' | 'string' | 'tensor' | 'graph' | 'sparse_tensor' | 'type_proto' | 'floats' | 'ints' | 'strings' | 'tensors' | 'graphs'

/** An attribute that a schema allows. */
export interface AttributeSchema {
  readonly name: string
  readonly type: AttributeType
  readonly required: boolean
  /** Where it is a scalar. */
  readonly default?: number | string
}

/** An input or output that a schema allows. */
export interface ParameterSchema {
  readonly name: string
  /** It may be left out. */
  readonly optional: boolean
  /** The last one of its list stands for any number. */
  readonly variadic: boolean
  /** Variadic: each may have a type of its own. */
  readonly mixed: boolean
  /** The name of the type parameter, to which {@link OpSchema.constraints} has the types; else a type. */
  readonly type: string
  /** What it may be: element types of tensors, or such as `seq(float32)`, `optional(int64)`, `map(string,float32)`. */
  readonly types: readonly (ElementType | (string & {}))[]
}

/** One version of an op's schema. */
export interface OpSchema {
  /** '' is ai.onnx. */
  readonly domain: string
  readonly op: string
  /** The version of the operator set that brought it. */
  readonly since: number
  /** From this version on the op is gone. */
  readonly deprecated: boolean
  /** The schema defines it by other ops. */
  readonly isFunction: boolean
  readonly attributes: readonly AttributeSchema[]
  readonly inputs: readonly ParameterSchema[]
  readonly outputs: readonly ParameterSchema[]
  /** How many inputs and outputs a node has; the greatest is Infinity for variadic ones. */
  readonly arity: {
    readonly inputs: readonly [least: number, greatest: number]
    readonly outputs: readonly [least: number, greatest: number]
  }
  /** The types that each type parameter may be. */
  readonly constraints: ReadonlyMap<string, readonly string[]>
}

type Line = [
  domain: string,
  op: string,
  since: number,
  flags: string,
  inputs: string,
  outputs: string,
  attributes: Record<string, AttributeType | [AttributeType, number | string]>,
  constraints: Record<string, number>,
]

/** Domain, op and version of a line, without reading the rest of it. */
export function keyOf(line: string): { domain: string; op: string } {
  const [, domain, , op] = line.split('"', 4)
  return { domain: domain!, op: op! }
}

export function parseLine(line: string, sets: readonly string[]): OpSchema {
  const [domain, op, since, flags, inputs, outputs, attributes, types] = JSON.parse(line) as Line
  const constraints = new Map(Object.entries(types).map(([name, index]) => [name, sets[index]!.split(' ')]))
  const [left, right] = [parseParameters(inputs, constraints), parseParameters(outputs, constraints)]
  return {
    domain,
    op,
    since,
    deprecated: flags.includes('d'),
    isFunction: flags.includes('f'),
    attributes: Object.entries(attributes).map(([key, entry]) => {
      const [type, fallback] = typeof entry === 'string' ? [entry] : entry
      const required = key.endsWith('!')
      return { name: required ? key.slice(0, -1) : key, type, required, ...(fallback === undefined ? {} : { default: fallback }) }
    }),
    inputs: left.parameters,
    outputs: right.parameters,
    arity: { inputs: left.arity, outputs: right.arity },
    constraints,
  }
}

/** `X:T B?:T rest*1:T`: see tools/generate/schemas.py. */
function parseParameters(text: string, constraints: ReadonlyMap<string, readonly string[]>) {
  const arity: [number, number] = [0, 0]
  const parameters = (text ? text.split(' ') : []).map((item): ParameterSchema => {
    const [, name, mark, least, type] = /^([^?*~:]*)([?*~]?)(\d*):(.*)$/.exec(item)!
    const variadic = mark === '*' || mark === '~'
    if (variadic) arity[0] = arity[1] + Number(least)
    arity[1] = variadic ? Infinity : arity[1] + 1
    if (mark === '') arity[0] = arity[1]
    return { name: name!, optional: mark === '?', variadic, mixed: mark === '~', type: type!, types: constraints.get(type!) ?? [type!] }
  })
  return { parameters, arity }
}

import type { Graph } from './graph.ts'
import type { Tensor } from './tensor.ts'

/** An attribute of a node. ONNX's int64 is a number where that is exact, else a bigint. */
export type Attribute =
  | { type: 'float'; value: number }
  | { type: 'int'; value: number | bigint }
  | { type: 'string'; value: string }
  | { type: 'tensor'; value: Tensor }
  | { type: 'graph'; value: Graph }
  | { type: 'floats'; value: number[] }
  | { type: 'ints'; value: (number | bigint)[] }
  | { type: 'strings'; value: string[] }
  | { type: 'tensors'; value: Tensor[] }
  | { type: 'graphs'; value: Graph[] }
  /** Anything that the IR only carries: the codec of the file format knows what it is. */
  | { type: 'opaque'; value: unknown }

/** What a builder accepts in place of an {@link Attribute}: numbers become `int` or `float` by `asAttribute`'s rule. */
export type AttributeLike = Attribute | number | string | number[] | string[] | Tensor

/** Shorthand: whole numbers become ints. Write `{ type: 'float', value: 1 }` for a float that is whole. */
export function asAttribute(value: AttributeLike): Attribute {
  if (typeof value === 'number') return { type: Number.isInteger(value) ? 'int' : 'float', value }
  if (typeof value === 'string') return { type: 'string', value }
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item === 'string')) return { type: value.length ? 'strings' : 'ints', value: value as never }
    return { type: value.every((item) => Number.isInteger(item)) ? 'ints' : 'floats', value: value as number[] }
  }
  if ('dims' in value) return { type: 'tensor', value }
  return value
}

/** The subgraphs that an attribute owns. */
export function graphsOf(attribute: Attribute): Graph[] {
  if (attribute.type === 'graph') return [attribute.value]
  if (attribute.type === 'graphs') return attribute.value
  return []
}

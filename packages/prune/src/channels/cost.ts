import { type Model, type Node, type Value, opRow, substituteDim } from '@whittle/ir'
import type { Siblings, ValueAxis } from './dependencies.ts'

/** Free dimensions are taken as long as that, but for the first one of an input, which is the batch. */
const FREE = 64

/** Multiply-accumulates of a model that has lost so many components of each set. */
export interface Cost {
  /** Of the model as it is. */
  readonly total: number
  macs(removed: ReadonlyMap<Siblings, number>): number
  /** What goes if one set, which has lost `removed`, loses `more`. */
  saved(set: Siblings, removed: ReadonlyMap<Siblings, number>, more: number): number
}

/** @param sizes of the free dimensions, where they are known. */
export function costOf(model: Model, siblings: readonly Siblings[], sizes: Readonly<Record<string, number>> = {}): Cost {
  const bindings = { ...freeDimensions(model), ...sizes }
  // Only shapes are changed, and the model is another one.
  const copy = model.clone()
  const values = new Map(valuesOf(copy).map((value) => [value.name, value]))
  for (const value of values.values()) value.shape = value.shape?.map((dim) => fixedDim(dim, bindings))
  const nodes = [...copy.nodes()].filter((node) => opRow(node)?.macs)
  const counts = new Map<Value, { axis: ValueAxis; set: Siblings; each: number }[]>()
  const touched = new Map<Siblings, Node[]>()
  for (const set of siblings) {
    const own = new Set<Value>()
    for (const axis of set.axes) {
      const value = values.get(axis.value.name)!
      own.add(value)
      counts.set(value, [...(counts.get(value) ?? []), { axis, set, each: set.components[0]!.indices.get(axis)!.length }])
    }
    touched.set(set, nodes.filter((node) => [...node.inputs, ...node.outputs].some((value) => value && own.has(value)))) // prettier-ignore
  }
  const sum = (of: readonly Node[], removed: ReadonlyMap<Siblings, number>): number => {
    for (const node of of)
      for (const value of [...node.inputs, ...node.outputs]) {
        if (!value) continue
        const lost = new Map<number, number>()
        for (const { axis, set, each } of counts.get(value) ?? [])
          lost.set(axis.axis, (lost.get(axis.axis) ?? axis.length) - each * (removed.get(set) ?? 0))
        for (const [axis, length] of lost) value.shape![axis] = length
      }
    return of.reduce((total, node) => total + (opRow(node)!.macs!(node) ?? 0), 0)
  }
  return {
    total: sum(nodes, new Map()),
    macs: (removed) => sum(nodes, removed),
    saved(set, removed, more) {
      const before = sum(touched.get(set)!, removed)
      return before - sum(touched.get(set)!, new Map(removed).set(set, (removed.get(set) ?? 0) + more))
    },
  }
}

function valuesOf(model: Model): Value[] {
  const values = [...model.graphs()].flatMap((graph) => [
    ...graph.inputs,
    ...graph.initializers,
    ...graph.nodes.flatMap((node) => node.outputs),
  ])
  return values.filter((value) => value !== undefined)
}

function freeDimensions(model: Model): Record<string, number> {
  const sizes: Record<string, number> = {}
  for (const { shape } of model.graph.inputs)
    shape?.forEach((dim, axis) => typeof dim === 'string' && (sizes[dim] ??= axis === 0 ? 1 : FREE))
  return sizes
}

function fixedDim(dim: number | string, bindings: Readonly<Record<string, number>>): number {
  const known = substituteDim(dim, bindings)
  return typeof known === 'number' ? Math.max(1, known) : FREE
}

import {
  type AxisPlace,
  type Model,
  type Node,
  type NodeRewrite,
  Tensor,
  type TensorData,
  type Value,
  asAttribute,
  axisRuleOf,
} from '@whittle/ir'
import type { Component, ValueAxis } from './dependencies.ts'

/** By value and axis, the indices that stay, ascending; only axes that lose something. */
export type Kept = ReadonlyMap<Value, ReadonlyMap<number, readonly number[]>>

/** What is left when components go. */
export function keptOf(removed: Iterable<Component>): Kept {
  const gone = new Map<ValueAxis, Set<number>>()
  for (const { indices } of removed)
    for (const [axis, own] of indices) {
      const set = gone.get(axis) ?? new Set()
      for (const index of own) set.add(index)
      gone.set(axis, set)
    }
  const kept = new Map<Value, Map<number, number[]>>()
  for (const [{ value, axis, length }, set] of gone) {
    const own = kept.get(value) ?? new Map<number, number[]>()
    own.set(
      axis,
      Array.from({ length }, (_, index) => index).filter((index) => !set.has(index)),
    )
    kept.set(value, own)
  }
  return kept
}

/**
 * Removes indices from all that has them: constants are cut, and what states the lengths of axes is written anew. Which may be removed together,
 * `dependenciesOf` tells.
 */
export function removeIndices(model: Model, kept: Kept): void {
  const rewrites: [Node, NodeRewrite][] = []
  for (const node of model.nodes()) {
    if (![...node.inputs, ...node.outputs].some((value) => value && kept.has(value))) continue
    const of = (side: AxisPlace['side'], at: number, axis: number): readonly number[] | undefined => {
      const value = (side === 'input' ? node.inputs : node.outputs)[at]
      return value && kept.get(value)?.get(axis)
    }
    const rewrite = axisRuleOf(node)?.rewrite?.(of)
    if (rewrite) rewrites.push([node, rewrite])
  }
  for (const [value, axes] of kept) {
    // It names channels one by one.
    value.distribution = undefined
    if (!value.tensor) value.shape = value.shape!.map((length, axis) => axes.get(axis)?.length ?? length)
    else
      value.graph.setTensor(
        value,
        [...axes].reduce((tensor, [axis, indices]) => picked(tensor, axis, indices), value.tensor),
      )
  }
  for (const [node, rewrite] of rewrites) apply(node, rewrite)
}

function apply(node: Node, { inputs, attributes }: NodeRewrite): void {
  for (const [name, number] of Object.entries(attributes ?? {})) {
    if (number === undefined) node.attributes.delete(name)
    else node.attributes.set(name, asAttribute(number))
  }
  for (const [at, tensor] of inputs ?? []) {
    const before = node.inputs[at]
    node.graph.setInput(node, at, node.graph.addInitializer(before?.name ?? `${node.outputs[0]?.name ?? node.op}_sizes`, tensor))
    if (before?.tensor && before.uses.length === 0 && !before.isOutput && !before.isInput) before.graph.removeInitializer(before)
  }
}

/** A tensor with only some indices of an axis. Elements of a byte or more. */
export function picked(tensor: Tensor, axis: number, indices: readonly number[]): Tensor {
  const { dims, type } = tensor
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1)
  const outer = dims.slice(0, axis).reduce((product, dim) => product * dim, 1)
  const shape = dims.map((dim, at) => (at === axis ? indices.length : dim))
  const data = tensor.data()
  const result = new (data.constructor as new (length: number) => TensorData)(outer * indices.length * inner)
  let to = 0
  for (let block = 0; block < outer; block++)
    for (const index of indices) {
      const from = (block * dims[axis]! + index) * inner
      result.set(data.subarray(from, from + inner) as never, to)
      to += inner
    }
  return Tensor.of(type, shape, result)
}

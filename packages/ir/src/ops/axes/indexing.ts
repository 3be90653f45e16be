import type { Node } from '../../graph.ts'
import { Tensor } from '../../tensor.ts'
import { constantOf } from '../constant.ts'
import type { AxisLink, AxisRule } from '../row.ts'
import { fromFront, inputAxis, outputAxis, pairs } from './link.ts'

/** Gather: what is picked by a constant is renumbered; a table that is read by ids that come as the model runs keeps its rows. */
export function gatherAxes(node: Node): AxisRule {
  const [data, indices] = [node.inputs[0]?.shape, node.inputs[1]?.shape]
  const at = data && fromFront(node.int('axis', 0), data.length)
  if (at === undefined || !indices) return { links: [] }
  const added = indices.length - 1
  const links: AxisLink[] = [
    ...pairs([...data!.keys()].filter((axis) => axis !== at).map((axis) => [axis, axis < at ? axis : axis + added])),
    ...indices.map((_, axis): AxisLink => [inputAxis(1, axis), outputAxis(0, at + axis)]),
  ]
  const [picked, length] = [constantOf(node.inputs[1]), data![at]]
  if (!picked || picked.dims.length > 1 || typeof length !== 'number') return { links }
  const places = picked.toNumbers().map((index) => (index < 0 ? index + length : index))
  const isScalar = picked.dims.length === 0
  const along: AxisLink = isScalar
    ? [inputAxis(0, at, (index) => (index === places[0] ? undefined : index))]
    : [inputAxis(0, at), outputAxis(0, at, (index) => places[index])]
  return {
    links: [...links.filter((link) => link[0]!.at !== 1), along],
    rewrite(kept) {
      const left = kept('input', 0, at)
      if (!left) return {}
      const order = new Map(left.map((index, place) => [index, place]))
      const next = places.map((place) => order.get(place)).filter((place) => place !== undefined)
      return { inputs: new Map([[1, Tensor.of(picked.type, isScalar ? [] : [next.length], next)]]) }
    },
  }
}

/** What is read of the shape has to stay; of a shape of which only some dimensions are picked, the others are free. */
export function shapeAxes(node: Node): AxisRule {
  const shape = node.inputs[0]?.shape
  const result = node.outputs[0]
  if (!shape || !result || result.isOutput || node.int('start', 0) !== 0) return { links: [] }
  const read = new Set<number>()
  for (const use of result.uses) {
    const picked = use.node.type === 'Gather' && use.index === 0 ? constantOf(use.node.inputs[1])?.toNumbers() : undefined
    if (!picked) return { links: [] }
    for (const axis of picked) read.add(axis < 0 ? axis + shape.length : axis)
  }
  return { links: [...shape.keys()].filter((axis) => !read.has(axis)).map((axis) => [inputAxis(0, axis)]) }
}

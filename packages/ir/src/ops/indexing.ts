import type { Dim, Node } from '../graph.ts'
import { gatherAxes } from './axes/indexing.ts'
import { mulDims, sizeOf } from './dim.ts'
import type { Facts, OpRow } from './row.ts'
import { axisFromFront, knownInts, rankOf, sameAsFirst } from './rules.ts'

/** Ops that pick, place or order elements. */

/** Gather is a product with one-hot rows: the gathered axis is what it reads, the other one its channels. */
function gatherAxis(node: Node): number | undefined {
  const rank = rankOf(node.inputs[0])
  const axis = node.int('axis', 0)
  return rank === undefined ? undefined : axis < 0 ? axis + rank : axis
}

function channelAxis(node: Node): number | undefined {
  const axis = gatherAxis(node)
  return rankOf(node.inputs[0]) === 2 && axis !== undefined ? 1 - axis : undefined
}

function inferGather(node: Node, facts: Facts): void {
  const [data, indices] = [facts.shape(0), facts.shape(1)]
  if (!data || !indices) return facts.set(0, facts.type(0), undefined)
  const axis = axisFromFront(node.int('axis', 0), data.length, facts)
  const content = data.length === 1 && indices.length < 2 ? facts.content(0) : undefined
  const picked = content && knownInts(1, facts)?.map((index) => content[index < 0 ? index + content.length : index])
  facts.set(
    0,
    facts.type(0),
    [...data.slice(0, axis), ...indices, ...data.slice(axis + 1)],
    picked?.every((item) => item !== undefined) ? (picked as Dim[]) : undefined,
  )
}

function inferGatherND(node: Node, facts: Facts): void {
  const [data, indices] = [facts.shape(0), facts.shape(1)]
  const depth = indices?.at(-1)
  if (!data || !indices || typeof depth !== 'number') return facts.set(0, facts.type(0), undefined)
  facts.set(0, facts.type(0), [...indices.slice(0, -1), ...data.slice(node.int('batch_dims', 0) + depth)])
}

function inferTopK(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  const axis = shape && axisFromFront(node.int('axis', -1), shape.length, facts)
  for (const [output, type] of [facts.type(0), 'int64' as const].entries())
    facts.set(
      output,
      type,
      shape?.map((dim, at) => (at === axis ? (facts.content(1)?.[0] ?? facts.fresh(output, at)) : dim)),
    )
}

function inferOneHot(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  if (!shape) return facts.set(0, facts.type(2), undefined)
  const axis = axisFromFront(node.int('axis', -1), shape.length + 1, facts)
  const depth = facts.content(1)?.[0] ?? facts.fresh(0, axis)
  facts.set(0, facts.type(2), [...shape.slice(0, axis), depth, ...shape.slice(axis)])
}

function inferUnique(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  const axis = node.int('axis')
  const at = axis === undefined ? 0 : shape && axisFromFront(axis, shape.length, facts)
  const count = facts.fresh(0, at ?? 0)
  facts.set(0, facts.type(0), axis === undefined ? [count] : shape?.map((dim, index) => (index === at ? count : dim)))
  facts.set(1, 'int64', [count])
  facts.set(2, 'int64', [(axis === undefined ? shape && sizeOf(shape) : shape?.[at!]) ?? facts.fresh(2, 0)])
  facts.set(3, 'int64', [count])
}

/** How many elements of a small input are known not to be zero; undefined where one is not known. */
function countOfNonzero(input: number, facts: Facts): number | undefined {
  return knownInts(input, facts)?.filter((item) => item !== 0).length
}

function inferCompress(node: Node, facts: Facts): void {
  const [shape, axis, count] = [facts.shape(0), node.int('axis'), countOfNonzero(1, facts)]
  if (axis === undefined) return facts.set(0, facts.type(0), [count ?? facts.fresh(0, 0)])
  const at = shape && axisFromFront(axis, shape.length, facts)
  facts.set(
    0,
    facts.type(0),
    shape?.map((dim, index) => (index === at ? (count ?? facts.fresh(0, index)) : dim)),
  )
}

export const indexingRows: readonly OpRow[] = [
  {
    type: 'Gather',
    weights: [{ input: 0, role: 'embedding', outputAxis: channelAxis, inputAxis: gatherAxis }],
    infer: inferGather,
    axes: gatherAxes,
  },
  { type: 'GatherElements', infer: (_node, facts) => facts.set(0, facts.type(0), facts.shape(1)) },
  { type: 'GatherND', infer: inferGatherND },
  { type: 'com.microsoft.GatherND', infer: inferGatherND },
  { type: 'ScatterElements', infer: sameAsFirst },
  { type: 'ScatterND', infer: sameAsFirst },
  { type: 'TopK', infer: inferTopK },
  { type: 'OneHot', infer: inferOneHot },
  { type: 'Unique', infer: inferUnique },
  {
    type: 'NonZero',
    infer(_node, facts) {
      const rank = facts.shape(0)?.length
      facts.set(0, 'int64', [rank ?? facts.fresh(0, 0), countOfNonzero(0, facts) ?? facts.fresh(0, 1)])
    },
  },
  { type: 'Compress', infer: inferCompress },
  {
    // Boxes [batch, boxes, 4] and scores [batch, classes, boxes] to [selected, 3].
    type: 'NonMaxSuppression',
    infer: (_node, facts) => facts.set(0, 'int64', [facts.fresh(0, 0), 3]),
  },
  {
    // Blocks of `block_size` along `quantize_axis` share a scale; 4-bit data may be packed two to a byte.
    type: 'com.microsoft.GatherBlockQuantized',
    weights: [{ input: 0, role: 'embedding', inputAxis: (node) => node.int('gather_axis', 0) }],
    infer(node, facts) {
      const [data, indices] = [facts.shape(0), facts.shape(1)]
      if (!data || !indices) return facts.set(0, facts.type(2), undefined)
      const axis = axisFromFront(node.int('gather_axis', 0), data.length, facts)
      const packed = facts.type(0) === 'uint8' && node.int('bits', 4) === 4 ? 2 : 1
      const whole = data.map((dim, at) => (at === data.length - 1 ? mulDims(dim, packed) : dim))
      facts.set(0, facts.type(2), [...whole.slice(0, axis), ...indices, ...whole.slice(axis + 1)])
    },
  },
]

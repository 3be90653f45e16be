import type { Node, Value } from '@whittle/ir'
import { wholePicture } from './pool.ts'
import { type ProgramWriter, type Ref, unsupported } from './writer.ts'

const KERNELS: Readonly<Record<string, string>> = {
  ReduceMean: 'Mean',
  ReduceSum: 'Sum',
  ReduceProd: 'Prod',
  ReduceMax: 'Max',
  ReduceMin: 'Min',
  ReduceL2: 'Sum',
  ReduceSumSquare: 'Sum',
}

/** Reductions over constant axes. */
export function reduce(writer: ProgramWriter, node: Node): void {
  const x = node.inputs[0]!
  const rank = writer.rank(x)
  const axes = axesOf(node, rank)
  const keep = node.int('keepdims', 1) === 1
  const picture = rank > 2 && axes.length === rank - 2 && axes.every((axis, at) => axis === at + 2)
  if (picture && keep && rank < 5 && (node.type === 'ReduceMean' || node.type === 'ReduceMax') && writer.has(x, 'last'))
    return wholePicture(writer, node.type === 'ReduceMean' ? 'AvgPool' : 'MaxPool', x, node.output)
  if (axes.length === 0) throw unsupported(`${node.describe()} reduces no axis`)
  const squared = node.type === 'ReduceL2' || node.type === 'ReduceSumSquare'
  const ref = writer.plain(x)
  const sum = reduceAxes(writer, KERNELS[node.type]!, squared ? writer.emit('Square', [ref]) : ref, rank, axes, keep)
  writer.give(node.output, node.type === 'ReduceL2' ? writer.emit('Sqrt', [sum]) : sum, 'plain')
}

export const REDUCTIONS = Object.keys(KERNELS)

/** The kernels reduce the last axes, so that others are moved there first. */
function reduceAxes(writer: ProgramWriter, kernel: string, x: Ref, rank: number, axes: readonly number[], keep: boolean): Ref {
  const kept = Array.from({ length: rank }, (_, at) => at).filter((axis) => !axes.includes(axis))
  const innermost = axes.every((axis, at) => axis === rank - axes.length + at)
  const moved = innermost ? x : writer.emit('Transpose', [x], { perm: [...kept, ...axes] })
  const count = { axes: axes.length === 1 ? undefined : axes.length }
  if (innermost) return writer.emit(kernel, [moved], { ...count, keep: keep ? axes.length : undefined })
  const result = writer.emit(kernel, [moved], count)
  return keep ? writer.emit('ExpandDims', [result], { axes: [...axes] }) : result
}

function axesOf(node: Node, rank: number): number[] {
  const given = node.inputs[1] ? node.inputs[1].tensor?.toNumbers() : (node.ints('axes') ?? [])
  if (!given) throw unsupported(`the axes of ${node.describe()} are not constant`)
  if (given.length === 0) return node.int('noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, at) => at)
  return given.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b)
}

/** ArgMax and ArgMin over the last axis, or over channels that lie last. */
export function argument(writer: ProgramWriter, node: Node): void {
  const x = node.inputs[0]!
  const rank = writer.rank(x)
  const axis = (node.int('axis', 0) + rank) % rank
  if (node.int('select_last_index', 0) === 1) throw unsupported(`${node.describe()} takes the last of equals`)
  const keep = node.int('keepdims', 1) === 1
  const last = axis === rank - 1
  const perm = [...Array.from({ length: rank }, (_, at) => at).filter((at) => at !== axis), axis]
  const result = writer.emit(node.type, [last ? writer.plain(x) : writer.emit('Transpose', [writer.plain(x)], { perm })], {
    keep: last && keep ? 1 : undefined,
  })
  writer.give(node.output, !last && keep ? writer.emit('ExpandDims', [result], { axes: [axis] }) : result, 'plain')
}

/** Softmax over any axis; LogSoftmax is its logarithm. */
export function softmax(writer: ProgramWriter, node: Node): void {
  const x = node.inputs[0]!
  const rank = writer.rank(x)
  const axis = (node.int('axis', -1) + rank) % rank
  const compute = (ref: Ref): Ref => {
    const result = writer.emit('Softmax', [ref])
    return node.type === 'LogSoftmax' ? writer.emit('Log', [result]) : result
  }
  if (axis === 1 && rank > 2 && writer.has(x, 'last')) return writer.give(node.output, compute(writer.last(x)), 'last')
  if (axis === rank - 1) return writer.give(node.output, compute(writer.plain(x)), 'plain')
  const perm = Array.from({ length: rank }, (_, at) => (at === axis ? rank - 1 : at === rank - 1 ? axis : at))
  const turned = compute(writer.emit('Transpose', [writer.plain(x)], { perm }))
  writer.give(node.output, writer.emit('Transpose', [turned], { perm }), 'plain')
}

/** LayerNormalization over the last axes. */
export function layerNormalization(writer: ProgramWriter, node: Node): void {
  const [x, scale, bias] = node.inputs as [Value, Value, Value?]
  if (node.outputs[1] || node.outputs[2]) throw unsupported(`${node.describe()} gives its statistics`)
  const rank = writer.rank(x)
  const axes = rank - ((node.int('axis', -1) + rank) % rank)
  const count = { axes: axes === 1 ? undefined : axes, keep: axes }
  const centred = writer.emit('Sub', [writer.plain(x), writer.emit('Mean', [writer.plain(x)], count)])
  const variance = writer.emit('Mean', [writer.emit('Square', [centred])], count)
  const scaleOf = writer.emit('Rsqrt', [writer.emit('Add', [variance, writer.scalar(node.float('epsilon', 1e-5))])])
  const result = writer.emit('Multiply', [writer.emit('Multiply', [centred, scaleOf]), writer.plain(scale)])
  writer.give(node.output, bias ? writer.emit('Add', [result, writer.plain(bias)]) : result, 'plain')
}

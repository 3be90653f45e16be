import { type Node, type Value, constantOf } from '@whittle/ir'
import { fixedShape, fromFront, range, shapeOf } from '../builder.ts'
import { unbroadcast } from '../broadcast.ts'
import type { Backward, Rule } from '../rule.ts'
import { selectionGradient } from './indexing.ts'

/** Ops that move, repeat or leave out elements. */

const reshaped = (op: string): Rule => ({ op, inputs: [0], gradient: ({ b, x, dy }) => [b.reshapeLike(dy, x(0))] })

function transposeGradient({ b, node, x, dy }: Backward): Value {
  const rank = shapeOf(x(0)).length
  const perm = node.ints('perm') ?? range(0, rank).toReversed()
  return b.transpose(
    dy,
    range(0, rank).map((axis) => perm.indexOf(axis)),
  )
}

function concatGradient({ b, node, y, dy }: Backward): (Value | undefined)[] {
  const axis = fromFront(node.int('axis', 0), shapeOf(y).length)
  const inputs = node.inputs.map((input) => input!)
  if (inputs.length === 1) return [dy]
  const sizes = b.concat(inputs.map((input) => b.dimsOf(input, axis, axis + 1)))
  return b.nodes('Split', [dy, sizes], { axis }, inputs.length)
}

function splitGradient({ b, node, gradientOf }: Backward): Value {
  const parts = node.outputs.map((output, index) => gradientOf(index) ?? b.zerosLike(output!))
  return b.concat(parts, node.int('axis', 0))
}

/** Zeros around, where it is known how many; else by the places of the elements. */
function sliceGradient(at: Backward): Value {
  const { b, node, x, dy } = at
  const shape = shapeOf(x(0))
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((index) => constantOf(node.inputs[index])?.toNumbers())
  const along = node.inputs[3] ? axes : starts && range(0, starts.length)
  const forward = node.inputs[4] ? steps?.every((step) => step === 1) : true
  const pads = along && forward && starts && ends && slicePads(shape, along, starts, ends)
  if (pads) return b.op('Pad', [dy, b.ints(pads)])
  return selectionGradient(b, x(0), dy, (places) => b.op('Slice', [places, ...node.inputs.slice(1)]))
}

function slicePads(shape: readonly (number | string)[], axes: number[], starts: number[], ends: number[]): number[] | undefined {
  const pads = Array<number>(2 * shape.length).fill(0)
  for (const [index, given] of axes.entries()) {
    const axis = fromFront(given, shape.length)
    const size = shape[axis]
    if (typeof size !== 'number') return undefined
    const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size)
    pads[axis] = clamp(starts[index]!)
    pads[axis + shape.length] = size - Math.max(clamp(ends[index]!), pads[axis])
  }
  return pads
}

/** Padding with less than nothing takes off. What mirrors or repeats elements is followed by their places. */
function padGradient({ b, node, x, dy }: Backward): Value {
  const [, pads, , axes] = node.inputs
  if (node.string('mode', 'constant') === 'constant') return b.op('Pad', [dy, b.neg(pads!), undefined, axes].slice(0, axes ? 4 : 2))
  return selectionGradient(b, x(0), dy, (places) => b.op('Pad', [places, ...node.inputs.slice(1)], Object.fromEntries(node.attributes)))
}

/** `[r0 * d0, r1 * d1, ...]` as `[r0, d0, r1, d1, ...]`, summed over the repeats. */
function tileGradient({ b, x, dy }: Backward): Value {
  const rank = shapeOf(x(0)).length
  const pairs = b.op('Concat', [b.unsqueeze(x(1), [1]), b.unsqueeze(b.shapeOf(x(0)), [1])], { axis: 1 })
  const split = b.op('Reshape', [dy, b.flatten(pairs)])
  return b.sum(
    split,
    range(0, rank).map((axis) => 2 * axis),
    false,
  )
}

/** DepthToSpace and SpaceToDepth are permutations, as a Reshape, a Transpose and a Reshape. */
function spaceGradient({ b, node, x, dy }: Backward): Value {
  const blocksize = node.int('blocksize', 1)
  if (node.op === 'SpaceToDepth') return b.op('DepthToSpace', [dy], { blocksize, mode: 'DCR' })
  if (node.string('mode', 'DCR') === 'DCR') return b.op('SpaceToDepth', [dy], { blocksize })
  const [channels, height, width] = fixedShape(x(0), 1)!
  const blocks = b.reshape(dy, [0, channels! / blocksize ** 2, height!, blocksize, width!, blocksize])
  return b.reshapeLike(b.transpose(blocks, [0, 1, 3, 5, 2, 4]), x(0))
}

const refuseSpace = (node: Node): string | undefined =>
  node.string('mode', 'DCR') === 'CRD' && !fixedShape(node.inputs[0], 1)
    ? 'mode CRD needs a fixed size: pin it with inferShapes or input='
    : undefined

export const shapeRules: readonly Rule[] = [
  reshaped('Reshape'),
  reshaped('Flatten'),
  reshaped('Squeeze'),
  reshaped('Unsqueeze'),
  { op: 'Transpose', gradient: (at) => [transposeGradient(at)] },
  { op: 'Concat', gradient: concatGradient },
  { op: 'Split', inputs: [0], everyOutput: true, gradient: (at) => [splitGradient(at)] },
  { op: 'Slice', inputs: [0], gradient: (at) => [sliceGradient(at)] },
  { op: 'Pad', inputs: [0], gradient: (at) => [padGradient(at)] },
  { op: 'Expand', inputs: [0], gradient: ({ b, x, y, dy }) => [unbroadcast(b, dy, y.shape, x(0))] },
  { op: 'Tile', inputs: [0], gradient: (at) => [tileGradient(at)] },
  { op: 'DepthToSpace', refuse: refuseSpace, gradient: (at) => [spaceGradient(at)] },
  { op: 'SpaceToDepth', gradient: (at) => [spaceGradient(at)] },
  {
    op: 'Trilu',
    inputs: [0],
    gradient: ({ b, node, dy }) => [b.op('Trilu', [dy, ...node.inputs.slice(1)], { upper: node.int('upper', 1) })],
  },
]

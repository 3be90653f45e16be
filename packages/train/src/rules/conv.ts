import type { Node, Value } from '@whittle/ir'
import { type Builder, fixedShape, product, range, shapeOf, shapedLike } from '../builder.ts'
import type { Backward, Rule } from '../rule.ts'
import { type Window, slideBack, windowOf } from '../window.ts'

/** Convolutions, of any spatial rank, grouped and depthwise ones included. */

/** How a Conv's kernel slides; a string says why it cannot be told. */
function convWindow(node: Node): Window | string {
  const kernel = fixedShape(node.inputs[1])
  return kernel ? windowOf(node, kernel.slice(2)) : 'the shape of its kernel is not known'
}

const refuseConv = (node: Node): string | undefined => {
  const window = convWindow(node)
  return typeof window === 'string' ? window : undefined
}

function refuseTransposed(node: Node): string | undefined {
  if (node.attributes.has('output_shape')) return 'it has output_shape; write it with pads'
  if (node.string('auto_pad', 'NOTSET').startsWith('SAME')) return 'it has auto_pad; write it with pads'
  const [window, extra] = [convWindow(node), node.ints('output_padding')]
  if (typeof window === 'string') return window
  return extra?.some((item, axis) => item >= window.strides[axis]!) ? 'its output_padding is not below its stride' : undefined
}

/**
 * The gradient of a kernel `[O, C/group, ...]`: a convolution of `x` `[N, C, ...]` with `dy` `[N, O, ...]`, the batch taken for the channels,
 * strides and dilations exchanged. Each group's channels stay a group of their own.
 */
function kernelGradient(b: Builder, x: Value, dy: Value, kernel: Value, window: Window, group: number): Value {
  const { rank, strides, dilations, pads } = window
  const [, channels, ...extents] = fixedShape(kernel)!
  const spatial = range(2, rank + 2)
  if (group === 1 && product(extents) === 1 && [...strides, ...pads.map((pad) => pad + 1)].every((item) => item === 1))
    return pointwiseGradient(b, x, dy, kernel)
  const swap = [1, 0, ...spatial]
  let rows = b.transpose(x, swap)
  if (group > 1) {
    // [N, g, C/g, ...] to [C/g, g * N, ...]
    const split = b.op('Reshape', [x, b.concat([b.dimsOf(x, 0, 1), b.ints([group, channels!]), b.dimsOf(x, 2, rank + 2)])])
    const turned = b.transpose(split, [2, 1, 0, ...spatial.map((axis) => axis + 1)])
    rows = b.op('Reshape', [turned, b.concat([b.ints([channels!, -1]), b.dimsOf(x, 2, rank + 2)])])
  }
  const result = b.op('Conv', [rows, b.transpose(dy, swap)], { strides: dilations, dilations: strides, pads, group })
  // Where the strides do not come out even, there are further taps that the kernel does not have.
  const even = strides.every((stride) => stride === 1)
  const taps = even ? result : b.op('Slice', [result, b.ints(spatial.map(() => 0)), b.ints(extents), b.ints(spatial)])
  return b.transpose(taps, swap)
}

/** A kernel of one tap: the product of `[O, N * positions]` and `[N * positions, C]`, added up over the batch. */
function pointwiseGradient(b: Builder, x: Value, dy: Value, kernel: Value): Value {
  const flat = (value: Value, channels: number): Value => b.reshape(value, [0, channels, -1])
  const [outputs, channels] = fixedShape(kernel)!
  const each = b.op('MatMul', [flat(dy, outputs!), b.transpose(flat(x, channels!), [0, 2, 1])])
  return b.reshapeLike(b.sum(each, [0], false), kernel)
}

const biasGradient = ({ b, dy, y }: Backward): Value => {
  const rank = shapeOf(y).length
  return b.sum(dy, [0, ...range(2, rank)], false)
}

export const convRules: readonly Rule[] = [
  {
    op: 'Conv',
    refuse: refuseConv,
    gradient: (at) => {
      const { b, node, x, y, dy, needs } = at
      const window = convWindow(node) as Window
      const group = node.int('group', 1)
      return [
        needs(0) ? slideBack(b, dy, x(1), window, group, x(0), y) : undefined,
        needs(1) ? kernelGradient(b, x(0), dy, x(1), window, group) : undefined,
        needs(2) ? biasGradient(at) : undefined,
      ]
    },
  },
  {
    // The adjoint of a convolution; its kernel [C, O/group, ...] is that of the convolution from output to input.
    op: 'ConvTranspose',
    refuse: refuseTransposed,
    gradient: (at) => {
      const { b, node, x, y, dy, needs } = at
      const window = convWindow(node) as Window
      const { strides, dilations, pads } = window
      const group = node.int('group', 1)
      return [
        needs(0) ? b.op('Conv', [dy, x(1)], { strides, dilations, pads, group }) : undefined,
        // Input and output exchange their parts.
        needs(1) ? kernelGradient(b, shapedLike(dy, y), x(0), x(1), window, group) : undefined,
        needs(2) ? biasGradient(at) : undefined,
      ]
    },
  },
]

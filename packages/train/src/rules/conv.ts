import type { Node, Value } from '@whittle/ir'
import { fixedShape, range, shapeOf, shapedLike } from '../builder.ts'
import { kernelGradient } from '../kernel-gradient.ts'
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
        needs(1) ? kernelGradient(b, x(0), shapedLike(dy, y), x(1), window, group) : undefined,
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

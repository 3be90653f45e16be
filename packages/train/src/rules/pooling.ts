import { type Node, Tensor, type Value } from '@whittle/ir'
import { type Builder, fixedShape, product } from '../builder.ts'
import type { Backward, Rule } from '../rule.ts'
import { type Window, remainders, slideBack, spatialAxes, windowOf } from '../window.ts'

/** Poolings. */

const refuseWindow = (node: Node): string | undefined => {
  const window = windowOf(node)
  return typeof window === 'string' ? window : undefined
}

/** `ceil_mode` is as more padding at the end, which only sizes tell. */
function averageWindow(node: Node): Window | string {
  const window = windowOf(node)
  if (typeof window === 'string' || node.int('ceil_mode', 0) === 0) return window
  const [size, outputs] = [fixedShape(node.inputs[0], 2), fixedShape(node.output, 2)]
  if (!size || !outputs) return 'ceil_mode needs fixed spatial sizes: pin them with inferShapes or input='
  const { rank, pads } = window
  const added = remainders(window, size, outputs).map((item) => Math.max(0, -item))
  if (added.some((item) => item > 0) && node.int('count_include_pad', 0) !== 0)
    return 'ceil_mode together with count_include_pad has no rule'
  return { ...window, pads: pads.map((pad, index) => (index < rank ? pad : pad + added[index - rank]!)) }
}

const refuseAverage = (node: Node): string | undefined => {
  const window = averageWindow(node)
  return typeof window === 'string' ? window : undefined
}

/** The gradient of each window's mean, spread over the window; channels are taken for the batch, so that one kernel serves all. */
function averageGradient({ b, node, x, y, dy }: Backward): Value {
  const window = averageWindow(node) as Window
  const { rank, kernel, strides, dilations, pads } = window
  const taps = product(kernel)
  const ones = b.graph.addInitializer('gradient_constant', Tensor.float32([1, 1, ...kernel], new Float32Array(taps).fill(1)))
  const single = (value: Value, like: Value): Value => {
    const shape = b.concat([b.ints([-1, 1]), b.dimsOf(like, 2, rank + 2)])
    return b.op('Reshape', [value, shape])
  }
  const whole = node.int('count_include_pad', 0) !== 0 || pads.every((pad) => pad === 0)
  let each = single(dy, y)
  if (whole) each = b.div(each, taps)
  else {
    const shape = b.concat([b.ints([1, 1]), b.dimsOf(x(0), 2, rank + 2)])
    const field = b.op('Expand', [b.scalar(1), shape])
    each = b.div(each, b.op('Conv', [field, ones], { strides, dilations, pads }))
  }
  return b.reshapeLike(slideBack(b, each, ones, window, 1, x(0), y), x(0))
}

/** Adds each gradient where the largest element was: MaxPool says where, counted over the whole input. */
function maxGradient(at: Backward): Value {
  const { b, node, x, dy } = at
  const block = blockOf(node)
  if (block !== undefined) return blockMaxGradient(at, block)
  const attributes = Object.fromEntries([...node.attributes].filter(([name]) => name !== 'storage_order'))
  const indices = b.nodes('MaxPool', [x(0)], attributes, 2)[1]!
  const zeros = b.flatten(b.zerosLike(x(0)))
  const sums = b.op('ScatterElements', [zeros, b.flatten(indices), b.flatten(dy)], { axis: 0, reduction: 'add' })
  return b.reshapeLike(sums, x(0))
}

/** Windows that are blocks of a plane side by side, so many elements wide and high; undefined for others. */
function blockOf(node: Node): number | undefined {
  const window = windowOf(node) as Window
  const [first, ...others] = [...window.kernel, ...window.strides]
  const size = fixedShape(node.inputs[0], 2)
  const plain = window.pads.every((pad) => pad === 0) && window.dilations.every((dilation) => dilation === 1)
  const blocks = window.rank === 2 && plain && others.every((other) => other === first)
  return blocks && first! <= MOST_BLOCK && size?.every((extent) => extent % first! === 0) ? first : undefined
}

/** Each element of a block has nodes of its own. */
const MOST_BLOCK = 3

/**
 * The first of a block that is as large as the block's maximum takes the gradient, and leaves none to those behind it. In less time than
 * {@link maxGradient}'s indices.
 */
function blockMaxGradient({ b, x, y, dy }: Backward, blocksize: number): Value {
  const count = blocksize ** 2
  if (count === 1) return dy
  const elements = b.nodes('Split', [b.op('SpaceToDepth', [x(0)], { blocksize })], { axis: 1, num_outputs: count }, count)
  let left = dy
  const parts = elements.slice(0, -1).map((element) => {
    const taken = b.where(b.equal(element, y), left, 0)
    left = b.sub(left, taken)
    return taken
  })
  return b.op('DepthToSpace', [b.concat([...parts, left], 1)], { blocksize })
}

/** Shares a gradient among the elements that are the largest along axes; `y` and `dy` have these axes with dim 1. */
export function shareAmongEqual(b: Builder, x: Value, y: Value, dy: Value, axes: readonly number[]): Value {
  const mask = b.toFloat(b.equal(x, y))
  return b.mul(mask, b.div(dy, b.sum(mask, axes)))
}

export const poolingRules: readonly Rule[] = [
  { op: 'AveragePool', refuse: refuseAverage, gradient: (at) => [averageGradient(at)] },
  { op: 'MaxPool', refuse: refuseWindow, gradient: (at) => [maxGradient(at)] },
  {
    op: 'GlobalAveragePool',
    gradient: ({ b, x, y, dy }) => [b.expandLike(b.div(dy, b.ratio(x(0), y)), x(0))],
  },
  {
    // Of equal elements each gets its share.
    op: 'GlobalMaxPool',
    gradient: ({ b, x, y, dy }) => [shareAmongEqual(b, x(0), y, dy, spatialAxes(x(0)))],
  },
  {
    op: 'GlobalLpPool',
    refuse: (node) => (node.int('p', 2) === 2 ? undefined : 'p is not 2'),
    gradient: ({ b, x, y, dy }) => [b.mul(x(0), b.div(dy, y))],
  },
]

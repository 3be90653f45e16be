import { type Node, type Value, constantOf } from '@whittle/ir'
import { type Builder, range, shapeOf } from '../builder.ts'
import type { Backward, Rule } from '../rule.ts'

/**
 * Resizing is linear, and one axis after the other: its matrix `[in, out]` along an axis is what Resize itself makes of the identity, so the
 * gradient is a product with that matrix, whatever the mode, the scale and the transformation of coordinates.
 */
function resizeGradient({ b, node, x, y, dy }: Backward): Value {
  const shape = shapeOf(x(0))
  const rank = shape.length
  let gradient = dy
  for (const axis of resizedAxes(node)) {
    const matrix = axisMatrix(b, node, x(0), y, axis)
    // Multiplied from the left along the last axis but one, else from the right along the last.
    if (axis === rank - 2) gradient = b.op('MatMul', [matrix, gradient])
    else {
      const last = [...range(0, rank).filter((other) => other !== axis), axis]
      const product = b.op('MatMul', [b.transpose(gradient, last), b.transpose(matrix, [1, 0])])
      gradient = b.transpose(
        product,
        range(0, rank).map((other) => last.indexOf(other)),
      )
    }
  }
  return gradient
}

function axisMatrix(b: Builder, node: Node, x: Value, y: Value, axis: number): Value {
  const size = b.dimsOf(x, axis, axis + 1)
  const square = b.op('ConstantOfShape', [b.concat([size, size])])
  const rows = b.op('Reshape', [b.op('EyeLike', [square]), b.concat([b.ints([1]), size, size, b.ints([1])])])
  const scales = scalesOf(node)
  const sizes = b.concat([b.ints([1]), size, b.dimsOf(y, axis, axis + 1), b.ints([1])])
  const resized = b.op(
    'Resize',
    scales ? [rows, undefined, b.floats([1, 1, scales[axis]!, 1])] : [rows, undefined, undefined, sizes],
    Object.fromEntries([...node.attributes].filter(([name]) => name !== 'axes' && name !== 'keep_aspect_ratio_policy')),
  )
  return b.op('Squeeze', [resized, b.ints([0, 3])])
}

/** For each axis; undefined where sizes are given. */
function scalesOf(node: Node): number[] | undefined {
  const given = constantOf(node.inputs[2])?.toNumbers()
  return given && given.length > 0 ? given : undefined
}

function resizedAxes(node: Node): number[] {
  const [input, scales] = [node.inputs[0]!, scalesOf(node)]
  return range(0, shapeOf(input).length).filter((axis) => {
    if (scales) return scales[axis] !== 1
    const [before, after] = [input.shape![axis], node.output.shape![axis]]
    return before !== after
  })
}

function refuseResize(node: Node): string | undefined {
  if (node.attributes.has('axes')) return 'it has axes; write sizes or scales for all of them'
  if (node.string('coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize') return 'it crops'
  if (node.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch') return 'it keeps the aspect ratio'
  return node.inputs[2] && !scalesOf(node) && !node.inputs[3] ? 'its scales are computed when it runs' : undefined
}

export const resizeRules: readonly Rule[] = [{ op: 'Resize', inputs: [0], refuse: refuseResize, gradient: (at) => [resizeGradient(at)] }]

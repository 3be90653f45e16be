import type { Dim, Node } from '../graph.ts'
import { shapeAxes } from './axes/indexing.ts'
import { resizeAxes } from './axes/statistics.ts'
import { constantOf } from './constant.ts'
import { addDims, divDims, mulDims, sizeOf, subDims } from './dim.ts'
import { typeAttribute } from './elementwise.ts'
import type { Facts, OpRow } from './row.ts'
import { axisFromFront, freshShape } from './rules.ts'

/** Ops that make tensors from shapes and attributes. */

function inferShape(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  if (!shape) return facts.set(0, 'int64', [facts.fresh(0, 0)])
  const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + shape.length : at, 0), shape.length)
  const part = shape.slice(clamp(node.int('start', 0)), clamp(node.int('end', shape.length)))
  facts.set(0, 'int64', [part.length], part)
}

function inferConstant(node: Node, facts: Facts): void {
  const tensor = constantOf(node.outputs[0])
  // The content of a constant is read from its tensor where it is asked for.
  facts.set(0, tensor?.type, tensor?.dims)
}

function inferConstantOfShape(node: Node, facts: Facts): void {
  const shape = facts.content(0)
  const attribute = node.attributes.get('value')
  const tensor = attribute?.type === 'tensor' ? attribute.value : undefined
  const unknown = freshShape(facts.shape(0)?.[0], facts)
  const length = shape && shape.length < 2 ? sizeOf(shape) : undefined
  const content = typeof length === 'number' && length <= 128 ? Array<Dim>(length).fill(tensor?.toNumbers()[0] ?? 0) : undefined
  facts.set(0, tensor?.type ?? 'float32', shape ?? unknown, content)
}

function inferRange(node: Node, facts: Facts): void {
  const [start, limit, delta] = [facts.content(0)?.[0], facts.content(1)?.[0], node.inputs[2] ? facts.content(2)?.[0] : 1]
  if (start === undefined || limit === undefined || typeof delta !== 'number') return facts.set(0, facts.type(0), [facts.fresh(0, 0)])
  if (typeof start === 'number' && typeof limit === 'number') {
    const length = Math.max(0, Math.ceil((limit - start) / delta))
    const content = length <= 128 ? Array.from({ length }, (_, index) => start + index * delta) : undefined
    return facts.set(0, facts.type(0), [length], content)
  }
  const length = Number.isInteger(delta) && delta > 0 ? divDims(addDims(subDims(limit, start), delta - 1), delta) : facts.fresh(0, 0)
  facts.set(0, facts.type(0), [length])
}

/** `floor(dim * scale)`: exact for symbols where the scale is a whole number or one over it. */
function scaled(dim: Dim, scale: Dim): Dim | undefined {
  if (typeof scale !== 'number') return undefined
  if (typeof dim === 'number') return Math.floor(dim * scale)
  if (Number.isInteger(scale)) return mulDims(dim, scale)
  const inverse = Math.round(1 / scale)
  return Math.abs(1 / scale - inverse) < 1e-6 ? divDims(dim, inverse) : undefined
}

function inferResize(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  if (!shape) return facts.set(0, facts.type(0), undefined)
  const axes = node.ints('axes')?.map((axis) => axisFromFront(axis, shape.length, facts)) ?? shape.map((_, axis) => axis)
  const sizes = node.inputs[3] ? facts.content(3) : undefined
  const scales = node.inputs[3] ? undefined : facts.content(2)
  const result = shape.map((dim, axis): Dim => {
    const at = axes.indexOf(axis)
    if (at < 0) return dim
    return sizes?.[at] ?? (scales && scaled(dim, scales[at]!)) ?? facts.fresh(0, axis)
  })
  const policy = node.string('keep_aspect_ratio_policy', 'stretch')
  facts.set(0, facts.type(0), node.inputs[3] && policy !== 'stretch' ? keepAspect(shape, axes, sizes, policy, facts) : result)
}

function keepAspect(
  shape: readonly Dim[],
  axes: readonly number[],
  sizes: readonly Dim[] | undefined,
  policy: string,
  facts: Facts,
): Dim[] {
  const ratios = axes.map((axis, at) => Number(sizes?.[at]) / Number(shape[axis]))
  const scale = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios)
  return shape.map((dim, axis) => {
    if (!axes.includes(axis)) return dim
    return Number.isFinite(scale) ? Math.round(Number(dim) * scale) : facts.fresh(0, axis)
  })
}

const random = (type: string, like: boolean): OpRow => ({
  type,
  deterministic: false,
  infer(node, facts) {
    const given = typeAttribute(node, 'dtype')
    if (like) facts.set(0, given ?? facts.type(0), facts.shape(0))
    else facts.set(0, given ?? 'float32', node.ints('shape'))
  },
})

export const shapeRows: readonly OpRow[] = [
  { type: 'Constant', infer: inferConstant },
  { type: 'ConstantOfShape', infer: inferConstantOfShape },
  { type: 'Shape', infer: inferShape, axes: shapeAxes },
  {
    type: 'Size',
    infer(_node, facts) {
      const shape = facts.shape(0)
      facts.set(0, 'int64', [], shape && [sizeOf(shape)])
    },
  },
  { type: 'Range', infer: inferRange },
  { type: 'com.microsoft.Range', infer: inferRange },
  { type: 'Resize', infer: inferResize, axes: resizeAxes },
  {
    type: 'EyeLike',
    infer: (node, facts) => facts.set(0, typeAttribute(node, 'dtype') ?? facts.type(0), facts.shape(0)),
  },
  random('RandomNormal', false),
  random('RandomUniform', false),
  random('RandomNormalLike', true),
  random('RandomUniformLike', true),
  {
    type: 'Bernoulli',
    deterministic: false,
    infer: (node, facts) => facts.set(0, typeAttribute(node, 'dtype') ?? facts.type(0), facts.shape(0)),
  },
  {
    type: 'Multinomial',
    deterministic: false,
    infer: (node, facts) =>
      facts.set(0, typeAttribute(node, 'dtype') ?? 'int32', [facts.shape(0)?.[0] ?? facts.fresh(0, 0), node.int('sample_size', 1)]),
  },
]

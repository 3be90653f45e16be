import type { ElementType } from '../element-type.ts'
import type { Node } from '../graph.ts'
import { alongAxis, channelNormAxes, groupNormAxes, layerNormAxes } from './axes/statistics.ts'
import { sameAxes } from './axes/layout.ts'
import type { Facts, OpRow, WeightSlot } from './row.ts'
import { axisFromFront, expectSame, rankOf, sameAsFirst } from './rules.ts'

/** Normalizations. Their scales, biases and statistics are vectors over the channels. */

const perChannel = (input: number, role: WeightSlot['role']): WeightSlot => ({
  input,
  role,
  outputAxis(node) {
    const rank = rankOf(node.inputs[input])
    return rank ? rank - 1 : undefined
  },
})

function inferBatchNormalization(node: Node, facts: Facts): void {
  for (const input of [1, 2, 3, 4])
    expectSame(`channels of the input and of input ${input}`, facts.shape(0)?.[1], facts.shape(input)?.[0], facts)
  sameAsFirst(node, facts)
  for (const output of [1, 2]) facts.set(output, facts.type(3), facts.shape(3))
}

/** LayerNormalization and its kin: outputs 1 and on are statistics over the axes from `axis`. */
const layerNormalization = (statistics: readonly number[], type: (node: Node) => ElementType) => (node: Node, facts: Facts) => {
  sameAsFirst(node, facts)
  const shape = facts.shape(0)
  const from = shape && axisFromFront(node.int('axis', -1), shape.length, facts)
  for (const output of statistics)
    facts.set(
      output,
      type(node),
      shape?.map((dim, axis) => (axis >= from! ? 1 : dim)),
    )
}

/** `stash_type` 1 is float32, 10 float16, 16 bfloat16. */
const stashType = (node: Node): ElementType => (node.int('stash_type', 1) === 16 ? 'bfloat16' : 'float32')

/** Skip variants give the sum of input and skip as output 3. */
function inferSkip(node: Node, facts: Facts): void {
  sameAsFirst(node, facts)
  const shape = facts.shape(0)
  for (const output of [1, 2])
    facts.set(
      output,
      'float32',
      shape?.map((dim, axis) => (axis === shape.length - 1 ? 1 : dim)),
    )
  facts.set(3, facts.type(0), shape)
}

const scaleAndBias = [perChannel(1, 'scale'), perChannel(2, 'bias')]

export const normalizationRows: readonly OpRow[] = [
  {
    type: 'BatchNormalization',
    weights: [...scaleAndBias, perChannel(3, 'statistics'), perChannel(4, 'statistics')],
    infer: inferBatchNormalization,
    axes: channelNormAxes([1, 2, 3, 4], () => false),
  },
  { type: 'InstanceNormalization', weights: scaleAndBias, infer: sameAsFirst, axes: channelNormAxes([1, 2], (axis) => axis > 1) },
  { type: 'GroupNormalization', weights: scaleAndBias, infer: sameAsFirst, axes: groupNormAxes },
  { type: 'LayerNormalization', weights: scaleAndBias, infer: layerNormalization([1, 2], stashType), axes: layerNormAxes([0], [0, 1, 2]) },
  {
    type: 'RMSNormalization',
    weights: [perChannel(1, 'scale')],
    infer: (_node, facts) => facts.set(0, facts.type(1) ?? facts.type(0), facts.shape(0)),
    axes: layerNormAxes([0], [0]),
  },
  {
    type: 'MeanVarianceNormalization',
    infer: sameAsFirst,
    axes: (node) => sameAxes(node, (axis) => (node.ints('axes') ?? [0, 2, 3]).includes(axis)),
  },
  { type: 'LpNormalization', infer: sameAsFirst, axes: alongAxis(-1) },
  { type: 'LRN', infer: sameAsFirst, axes: (node) => sameAxes(node, (axis) => axis === 1) },
  // onnxruntime knows this one under ai.onnx too.
  {
    type: 'SimplifiedLayerNormalization',
    weights: [perChannel(1, 'scale')],
    infer: layerNormalization([1], stashType),
    axes: layerNormAxes([0], [0, 1]),
  },
  {
    type: 'com.microsoft.SkipLayerNormalization',
    weights: [perChannel(2, 'scale'), perChannel(3, 'bias'), perChannel(4, 'bias')],
    infer: inferSkip,
    axes: layerNormAxes([0, 1], [0, 3]),
  },
  {
    type: 'com.microsoft.SkipSimplifiedLayerNormalization',
    weights: [perChannel(2, 'scale'), perChannel(3, 'bias')],
    infer: inferSkip,
    axes: layerNormAxes([0, 1], [0, 3]),
  },
  { type: 'com.microsoft.GroupNorm', weights: scaleAndBias, infer: sameAsFirst },
  {
    type: 'com.microsoft.SkipGroupNorm',
    weights: [...scaleAndBias, perChannel(4, 'bias')],
    infer(node, facts) {
      sameAsFirst(node, facts)
      facts.set(1, facts.type(0), facts.shape(0))
    },
  },
]

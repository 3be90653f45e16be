import {
  DatasetError,
  type Model,
  type Sample,
  type Tensors,
  TransformError,
  type Value,
  inferShapes,
  invalidOption,
  isTensor,
} from '@whittle/ir'
import { type CtcInputs, ctcLength, ctcLoss, ctcTargets } from '../ctc.ts'
import type { Objective } from './objective.ts'
import { scoresOf } from './scores.ts'

/** From the names in the graph to those of what {@link ctcTargets} gives. */
const INPUTS = { states: 'label', skips: 'label:skips', ends: 'label:ends', share: 'label:share' } as const

/**
 * The loss of outputs that are read position by position, such as text in a picture, by labels that do not say where: lists of class
 * indices, of any length. Inputs have the size of the first sample's.
 */
export function ctcObjective(outputOf: (model: Model) => Value, blank = 0): Objective {
  if (!(Number.isInteger(blank) && blank >= 0)) throw invalidOption('finetune', 'blank', 'a class index', blank)
  let sizes: Record<string, readonly number[]> = {}
  let [times, classes] = [0, 0]
  return {
    name: 'labels',
    prepare([first]) {
      sizes = sizesOf(first!)
      return Promise.resolve()
    },
    add(model) {
      const { graph } = model
      for (const input of graph.inputs) {
        const size = sizes[input.name]
        if (size && input.shape) input.shape = [input.shape[0]!, ...size]
      }
      inferShapes(model)
      const output = outputOf(model)
      const scores = scoresOf(output)
      const logits = scores.kind === 'classes' ? scores.logits : output
      const [batch, positions, count] = logits.shape ?? []
      if (logits.shape?.length !== 3 || typeof positions !== 'number' || typeof count !== 'number')
        throw new TransformError(
          'FINETUNE_OUTPUT',
          `finetune: ctc reads an output [samples, positions, classes], and '${output.name}' has the shape [${logits.shape?.join(', ') ?? '?'}]`,
        )
      ;[times, classes] = [positions, count]
      const states = 2 * times + 1
      const inputs: CtcInputs = {
        states: graph.addInput(INPUTS.states, 'int64', [batch!, states]),
        skips: graph.addInput(INPUTS.skips, 'float32', [batch!, 1, states]),
        ends: graph.addInput(INPUTS.ends, 'float32', [batch!, 1, states]),
        share: graph.addInput(INPUTS.share, 'float32', [batch!, 1, 1]),
      }
      return ctcLoss(graph, logits, inputs)
    },
    targets(sample, where) {
      const other = Object.entries(sizesOf(sample)).find(([name, size]) => size.join() !== sizes[name]?.join())
      if (other)
        throw new DatasetError(
          'SAMPLE_SIZE',
          `${where}: '${other[0]}' is ${other[1].join('x')}, and the first sample's ${sizes[other[0]]?.join('x') ?? 'absent'}; ctc takes samples of one size`,
        )
      const { states, skips, ends, share } = ctcTargets(indicesOf(sample, where, { times, classes, blank }), times, blank)
      const tensors = { [INPUTS.states]: states, [INPUTS.skips]: skips, [INPUTS.ends]: ends, [INPUTS.share]: share }
      return Promise.resolve(tensors satisfies Tensors)
    },
  }
}

const sizesOf = ({ inputs }: Sample): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(inputs).map(([name, { dims }]) => [name, dims.slice(1)]))

function indicesOf({ label }: Sample, where: string, limits: { times: number; classes: number; blank: number }): number[] {
  const { times, classes, blank } = limits
  if (label === undefined)
    throw new DatasetError('LABEL_MISSING', `${where}: it has no label; give a list of class indices, or use distill, which needs none`)
  const items: unknown[] | undefined = isTensor(label) ? label.toNumbers() : Array.isArray(label) ? label : undefined
  if (!items) throw new DatasetError('LABEL_TYPE', `${where}: the label of ctc is a list of class indices`)
  const wrong = items.find((item) => !(Number.isInteger(item) && (item as number) >= 0 && (item as number) < classes && item !== blank))
  if (wrong !== undefined)
    throw new DatasetError(
      'LABEL_TYPE',
      `${where}: a class index is a whole number below ${classes} and not ${blank}, the blank; the label holds ${String(wrong)}`,
    )
  const indices = items as number[]
  if (ctcLength(indices) > times)
    throw new DatasetError(
      'LABEL_LENGTH',
      `${where}: a label of ${indices.length} classes takes ${ctcLength(indices)} positions, and the output has ${times}`,
    )
  return indices
}

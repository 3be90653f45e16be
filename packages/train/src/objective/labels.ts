import {
  DatasetError,
  type Graph,
  type Model,
  type Sample,
  Tensor,
  type Tensors,
  TransformError,
  type Value,
  inferShapes,
  isTensor,
} from '@whittle/ir'
import { meanSquaredError, softmaxCrossEntropy } from '../losses.ts'
import { ctcObjective } from './ctc.ts'
import type { Objective } from './objective.ts'
import { scoresOf } from './scores.ts'

/** Adds nodes that compare an output with the label, and gives their scalar result. */
export type AddLoss = (graph: Graph, output: Value, label: Value) => Value

export interface LabelOptions {
  /**
   * How an output is compared with the label; `'ctc'` reads it position by position (Graves et al. 2006).
   * @default 'cross-entropy' where labels are whole numbers, else 'squared-error'
   */
  loss?: 'cross-entropy' | 'squared-error' | 'ctc' | AddLoss
  /** Of `'ctc'`: the class that stands for nothing. @default 0 */
  blank?: number
  /** The output that is compared. @default the model's first */
  output?: string
}

const INPUT = 'label'

/**
 * The loss by labels: of classes, a class index for each position (a number, or a tensor of them); of numbers, a float32 tensor of the
 * output's shape; of `'ctc'`, a list of class indices.
 * @param first the label of one sample, which tells what all are.
 * @throws {DatasetError} LABEL_MISSING where it has none.
 */
export function labelObjective(first: unknown, options: LabelOptions = {}): Objective {
  if (first === undefined)
    throw new DatasetError(
      'LABEL_MISSING',
      "the samples have no labels: give each a class index (a number, or a Tensor of them) or a float32 Tensor of the output's shape, or use distill, which needs none",
    )
  if (options.loss === 'ctc') return ctcObjective((model) => outputOf(model, options.output), options.blank)
  const classes = options.loss === 'cross-entropy' || (options.loss === undefined && isIndex(first))
  let expected: readonly (number | string)[] | undefined
  return {
    name: 'labels',
    add(model) {
      const output = outputOf(model, options.output)
      const { shape, logits, axis } = comparedWith(output, classes)
      expected = shape
      const { graph } = model
      const label = graph.addInput(INPUT, classes ? 'int64' : 'float32', [...shape])
      const loss =
        typeof options.loss === 'function'
          ? options.loss(graph, output, label)
          : classes
            ? softmaxCrossEntropy(graph, logits, label, axis)
            : meanSquaredError(graph, logits, label)
      inferShapes(model)
      return loss
    },
    targets(sample, where) {
      return Promise.resolve({ [INPUT]: labelOf(sample, classes, expected!, where) } satisfies Tensors)
    },
  }
}

function isIndex(label: unknown): boolean {
  return typeof label === 'number' || typeof label === 'bigint' || (isTensor(label) && label.type !== 'float32')
}

function outputOf({ graph }: Pick<Model, 'graph'>, name: string | undefined): Value {
  const output = name === undefined ? graph.outputs[0] : graph.outputs.find((value) => value.name === name)
  if (output) return output
  throw new TransformError(
    'FINETUNE_OUTPUT',
    `finetune: the model has no output '${name}'; its outputs are ${graph.outputs.map((value) => value.name).join(', ')}`,
  )
}

/** What a label of an output is compared with, and the shape that it has. */
function comparedWith(output: Value, classes: boolean): { logits: Value; axis: number; shape: (number | string)[] } {
  const scores = scoresOf(output)
  const logits = scores.kind === 'classes' && classes ? scores.logits : output
  const { shape } = logits
  if (!shape) throw new TransformError('FINETUNE_OUTPUT', `finetune: the rank of the output '${output.name}' is not known`)
  if (!classes) return { logits, axis: 0, shape: [...shape] }
  const axis = scores.kind === 'classes' ? scores.axis : Math.min(1, shape.length - 1)
  return { logits, axis, shape: shape.filter((_, at) => at !== axis) }
}

function labelOf({ label }: Sample, classes: boolean, expected: readonly (number | string)[], where: string): Tensor {
  const wanted = classes ? 'a class index for each position' : 'a float32 Tensor'
  if (label === undefined)
    throw new DatasetError(
      'LABEL_MISSING',
      `${where}: it has no label; give ${wanted} ([${expected.join(', ')}]), or use distill, which needs none`,
    )
  const tensor = typeof label === 'number' || typeof label === 'bigint' ? Tensor.int64([1], [Number(label)]) : label
  if (!isTensor(tensor)) throw new DatasetError('LABEL_TYPE', `${where}: the label is not ${wanted}`)
  const dims = expected.length === 0 && tensor.size === 1 ? [] : tensor.dims
  if (dims.length !== expected.length || !expected.every((dim, axis) => axis === 0 || typeof dim === 'string' || dim === dims[axis]))
    throw new DatasetError(
      'LABEL_SHAPE',
      `${where}: the label has shape [${tensor.dims.join(', ')}], and the output asks for [${expected.join(', ')}]`,
    )
  if (!classes) return Tensor.float32(dims, tensor.toFloat32())
  const indices = tensor.toNumbers()
  if (!indices.every((index) => Number.isInteger(index) && index >= 0))
    throw new DatasetError(
      'LABEL_TYPE',
      `${where}: a class index is a whole number from 0, and the label holds ${indices.find((index) => !(Number.isInteger(index) && index >= 0))}`,
    )
  return Tensor.int64(dims, indices)
}

import { type Graph, ModelError, type Value, inferShapes } from '@whittle/ir'
import { Builder } from './builder.ts'

/** Losses: each adds nodes to a graph and gives a scalar value, for {@link gradients} to start from. */

/**
 * The mean cross-entropy of classes, over all positions.
 * @param logits float32 `[N, C, ...]`, before any softmax.
 * @param labels int64, the shape of `logits` without the classes' axis, each from 0 to C - 1.
 * @param axis the axis of the classes.
 */
export function softmaxCrossEntropy(graph: Graph, logits: Value, labels: Value, axis = 1): Value {
  refuseOthers('softmaxCrossEntropy', graph, [logits, labels])
  if (labels.elementType !== undefined && labels.elementType !== 'int64')
    throw new ModelError('LOSS_LABELS', `softmaxCrossEntropy: labels '${labels.name}' are ${labels.elementType}, and must be int64`)
  const b = new Builder(graph)
  const logarithms = b.op('LogSoftmax', [logits], { axis })
  const own = b.op('GatherElements', [logarithms, b.unsqueeze(labels, [axis])], { axis })
  return scalar(b, 'cross_entropy', b.neg(own))
}

/**
 * The mean cross-entropy of numbers that are each a yes or no, less what the wanted probabilities leave of themselves, so that it is 0 where
 * they agree.
 * @param logits float32, before the sigmoid.
 * @param wanted probabilities of the same shape.
 */
export function sigmoidCrossEntropy(graph: Graph, logits: Value, wanted: Value): Value {
  refuseOthers('sigmoidCrossEntropy', graph, [logits, wanted])
  const b = new Builder(graph)
  const certain = (value: Value): Value => b.op('Clip', [value, b.scalar(LEAST_PROBABILITY), b.scalar(1)])
  const part = (share: Value): Value => b.mul(share, b.op('Log', [certain(share)]))
  const entropy = b.neg(b.add(part(wanted), part(b.sub(1, wanted))))
  return scalar(b, 'cross_entropy', b.sub(b.sub(b.op('Softplus', [logits]), b.mul(wanted, logits)), entropy))
}

/** Below it a probability counts as this: float32 sums of a softmax are no surer. */
export const LEAST_PROBABILITY = 1e-8

/** The mean of the squared differences of two values of one shape. */
export function meanSquaredError(graph: Graph, values: Value, wanted: Value): Value {
  refuseOthers('meanSquaredError', graph, [values, wanted])
  const b = new Builder(graph)
  const difference = b.sub(values, wanted)
  return scalar(b, 'squared_error', b.mul(difference, difference))
}

/**
 * How far a student's classes are from a teacher's: the Kullback-Leibler divergence of the two softmaxes at a temperature, times its square,
 * so that gradients keep their size (Hinton, Vinyals & Dean 2015); the mean over all positions.
 * @param student float32 logits `[N, C, ...]`.
 * @param teacher the same; a graph input where the teacher ran elsewhere.
 * @param axis the axis of the classes.
 */
export function klDivergence(graph: Graph, student: Value, teacher: Value, temperature = 1, axis = 1): Value {
  refuseOthers('klDivergence', graph, [student, teacher])
  if (!(temperature > 0 && Number.isFinite(temperature)))
    throw new ModelError('LOSS_TEMPERATURE', `klDivergence: expected a number above 0 for temperature, received ${temperature}`)
  const b = new Builder(graph)
  const logarithms = (logits: Value): Value => b.op('LogSoftmax', [temperature === 1 ? logits : b.div(logits, temperature)], { axis })
  const [theirs, ours] = [logarithms(teacher), logarithms(student)]
  const terms = b.mul(b.op('Exp', [theirs]), b.sub(theirs, ours))
  return scalar(b, 'divergence', b.mul(b.sum(terms, [axis]), temperature ** 2))
}

/** The mean over all axes, as a scalar. */
function scalar(b: Builder, name: string, value: Value): Value {
  const { output } = b.graph.addNode({ op: 'ReduceMean', inputs: [value], attributes: { keepdims: 0 }, outputs: [name] })
  inferShapes(b.graph.model)
  return output
}

function refuseOthers(owner: string, graph: Graph, values: readonly Value[]): void {
  for (const value of values)
    if (value.graph !== graph) throw new ModelError('LOSS_GRAPH', `${owner}: '${value.name}' is not a value of graph '${graph.name}'`)
}

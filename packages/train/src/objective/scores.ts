import type { Value } from '@whittle/ir'
import { fromFront } from '../builder.ts'

/** An output by what its numbers are: where a last activation makes probabilities, what went into it learns better. */
export type Scores =
  { kind: 'classes'; logits: Value; axis: number } | { kind: 'yes-or-no'; logits: Value } | { kind: 'numbers'; values: Value }

/** Looks for the activation that an output ends with. */
export function scoresOf(output: Value): Scores {
  const node = output.producer
  const logits = node?.inputs[0]
  const rank = logits?.shape?.length
  if (node && logits && rank !== undefined) {
    if (node.type === 'Identity') return scoresOf(logits)
    if (node.type === 'Softmax' || node.type === 'LogSoftmax')
      return { kind: 'classes', logits, axis: fromFront(node.int('axis', -1), rank) }
    if (node.type === 'Sigmoid') return { kind: 'yes-or-no', logits }
  }
  return { kind: 'numbers', values: output }
}

/** Whether an output holds logarithms of probabilities, and not these. */
export function isLogarithm(output: Value): boolean {
  const node = output.producer
  return node?.type === 'Identity' && node.inputs[0] ? isLogarithm(node.inputs[0]) : node?.type === 'LogSoftmax'
}

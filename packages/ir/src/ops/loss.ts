import type { Node } from '../graph.ts'
import type { Facts, OpRow } from './row.ts'

/** Losses: scores `[N, C, d...]` and labels `[N, d...]`, one number each or one in all. */

const none = (node: Node): boolean => node.string('reduction', 'mean') === 'none'

function inferLoss(node: Node, facts: Facts): void {
  facts.set(0, facts.type(0), none(node) ? facts.shape(1) : [])
}

export const lossRows: readonly OpRow[] = [
  { type: 'NegativeLogLikelihoodLoss', infer: inferLoss },
  {
    type: 'SoftmaxCrossEntropyLoss',
    infer(node, facts) {
      inferLoss(node, facts)
      facts.set(1, facts.type(0), facts.shape(0))
    },
  },
]

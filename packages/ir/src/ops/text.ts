import type { Node } from '../graph.ts'
import type { Facts, OpRow } from './row.ts'
import { broadcast } from './rules.ts'

/** Ops on strings, and those that count words. */

/** Without stop words each string stays; with them, `[C]` or `[1,C]` becomes shorter. */
function inferNormalizer(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  const stops = node.attributes.get('stopwords')
  const keeps = !stops || ('value' in stops && Array.isArray(stops.value) && stops.value.length === 0)
  facts.set(0, 'string', keeps ? shape : shape?.map((dim, axis) => (axis === shape.length - 1 ? facts.fresh(0, axis) : dim)))
}

/** One element for each n-gram. */
function inferTfIdf(node: Node, facts: Facts): void {
  const indexes = node.ints('ngram_indexes')
  const shape = facts.shape(0)
  facts.set(0, 'float32', shape && indexes && [...shape.slice(0, -1), Math.max(-1, ...indexes) + 1])
}

export const textRows: readonly OpRow[] = [
  { type: 'StringNormalizer', infer: inferNormalizer },
  {
    type: 'StringConcat',
    elementwise: true,
    infer: (_node, facts) => facts.set(0, 'string', broadcast(facts.shape(0), facts.shape(1), facts)),
  },
  {
    type: 'StringSplit',
    infer(_node, facts) {
      const shape = facts.shape(0)
      facts.set(0, 'string', shape && [...shape, facts.fresh(0, shape.length)])
      facts.set(1, 'int64', shape)
    },
  },
  { type: 'RegexFullMatch', elementwise: true, infer: (_node, facts) => facts.set(0, 'bool', facts.shape(0)) },
  { type: 'TfIdfVectorizer', infer: inferTfIdf },
]

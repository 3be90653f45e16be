import type { Dim, Node } from '../graph.ts'
import { addDims, divDims, mulDims, subDims } from './dim.ts'
import { typeAttribute } from './elementwise.ts'
import type { Facts, OpRow } from './row.ts'
import { axisFromFront } from './rules.ts'

/** Spectra and what they need. The last axis of a signal is 1 (real) or 2 (complex). */

/** Bins of a real signal's spectrum, half of which mirrors the other. */
const half = (length: Dim): Dim => addDims(divDims(length, 2), 1)

function inferDft(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  if (!shape) return facts.set(0, facts.type(0), undefined)
  const given = node.inputs[2] ? facts.content(2)?.[0] : -2
  const [onesided, inverse] = [node.int('onesided', 0) !== 0, node.int('inverse', 0) !== 0]
  const last = onesided && inverse ? 1 : 2
  if (typeof given !== 'number') {
    const free = shape.map((_, axis) => (axis === 0 ? shape[0]! : facts.fresh(0, axis)))
    return facts.set(0, facts.type(0), [...free.slice(0, -1), last])
  }
  const at = axisFromFront(given, shape.length, facts)
  const length = node.inputs[1]
    ? (facts.content(1)?.[0] ?? facts.fresh(0, at))
    : onesided && inverse
      ? mulDims(subDims(shape[at]!, 1), 2)
      : shape[at]!
  const bins = onesided && !inverse ? half(length) : length
  facts.set(
    0,
    facts.type(0),
    shape.map((dim, axis) => (axis === at ? bins : axis === shape.length - 1 ? last : dim)),
  )
}

function inferStft(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  if (!shape) return facts.set(0, facts.type(0), undefined)
  const step = facts.content(1)?.[0]
  const length = facts.content(3)?.[0] ?? facts.shape(2)?.[0]
  const frames =
    typeof step === 'number' && length !== undefined ? addDims(divDims(subDims(shape[1]!, length), step), 1) : facts.fresh(0, 1)
  const bins = length === undefined ? facts.fresh(0, 2) : node.int('onesided', 1) !== 0 ? half(length) : length
  facts.set(0, facts.type(0), [shape[0]!, frames, bins, 2])
}

const dataType = (node: Node) => typeAttribute(node, 'output_datatype') ?? 'float32'

const windowOf = (type: string): OpRow => ({
  type,
  infer: (node, facts) => facts.set(0, dataType(node), [facts.content(0)?.[0] ?? facts.fresh(0, 0)]),
})

export const signalRows: readonly OpRow[] = [
  { type: 'DFT', infer: inferDft },
  { type: 'STFT', infer: inferStft },
  {
    type: 'MelWeightMatrix',
    infer(node, facts) {
      const [bins, length] = [facts.content(0)?.[0], facts.content(1)?.[0]]
      facts.set(0, dataType(node), [length === undefined ? facts.fresh(0, 0) : half(length), bins ?? facts.fresh(0, 1)])
    },
  },
  ...['BlackmanWindow', 'HammingWindow', 'HannWindow'].map(windowOf),
]

import type { Node } from '../../graph.ts'
import type { AxisLink, AxisPart, AxisRule } from '../row.ts'
import { inputAxis, lengthOf, outputAxis, pairs } from './link.ts'

/** LSTM, GRU and RNN: a unit of the state goes with its rows in every gate, in each direction, and with the columns that read it. */
export function recurrentAxes(node: Node): AxisRule {
  const hidden = lengthOf(node, 2, 2)
  const batchFirst = node.int('layout', 0) === 1
  const [time, batch] = batchFirst ? [1, 0] : [0, 1]
  const links: AxisLink[] = [[inputAxis(0, 2), inputAxis(1, 2)], ...pairs([[time, batchFirst ? 1 : 0]])]
  if (!hidden) return { links }
  const unit = (index: number): number => index % hidden
  const states: AxisPart[] = [inputAxis(5, 2), inputAxis(6, 2), outputAxis(1, 2), outputAxis(2, 2)]
  const units: AxisLink = [
    inputAxis(1, 1, unit),
    inputAxis(2, 1, unit),
    inputAxis(2, 2),
    inputAxis(3, 1, unit),
    inputAxis(7, 1, unit),
    outputAxis(0, 3),
    ...states,
  ]
  const samples: AxisLink = [
    inputAxis(0, batch),
    inputAxis(4, 0),
    outputAxis(0, batchFirst ? 0 : 2),
    ...states.map((part): AxisPart => ({ ...part, axis: batchFirst ? 0 : 1 })),
  ]
  return {
    links: [...links, units, samples],
    rewrite(kept) {
      const left = kept('input', 2, 2)
      return left ? { attributes: { hidden_size: left.length } } : {}
    },
  }
}

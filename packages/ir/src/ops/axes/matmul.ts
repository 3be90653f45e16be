import type { Dim, Node } from '../../graph.ts'
import type { AxisLink, AxisPart, AxisRule } from '../row.ts'
import { broadcastLinks, inputAxis, outputAxis } from './link.ts'

/** numpy's matmul of inputs 0 and 1: what is summed over goes from both. */
export function matmulAxes(node: Node): AxisRule {
  const [a, b, y] = [node.inputs[0]?.shape, node.inputs[1]?.shape, node.outputs[0]?.shape]
  if (!a || !b || !y || a.length === 0 || b.length === 0) return { links: [] }
  const links: AxisLink[] = [[inputAxis(0, a.length - 1), inputAxis(1, Math.max(0, b.length - 2))]]
  const [rows, columns] = [a.length > 1, b.length > 1]
  if (rows) links.push([inputAxis(0, a.length - 2), outputAxis(0, y.length - (columns ? 2 : 1))])
  if (columns) links.push([inputAxis(1, b.length - 1), outputAxis(0, y.length - 1)])
  return { links: [...links, ...batchLinks(a, b, y)] }
}

function batchLinks(a: readonly Dim[], b: readonly Dim[], y: readonly Dim[]): AxisLink[] {
  const rank = Math.max(a.length, b.length) - 2
  return y.slice(0, Math.max(0, rank)).flatMap((length, axis): AxisLink[] => {
    const parts: AxisPart[] = [outputAxis(0, axis)]
    for (const [input, shape] of [a, b].entries()) {
      const at = axis - rank + shape.length - 2
      if (at < 0 || shape[at] === 1) continue
      if (shape[at] !== length) return []
      parts.push(inputAxis(input, at))
    }
    return [parts]
  })
}

/** `A B + C`, either read transposed, C broadcast. */
export function gemmAxes(node: Node): AxisRule {
  const [left, right] = [node.int('transA', 0) ? 1 : 0, node.int('transB', 0) ? 1 : 0]
  const rows: AxisPart[] = [inputAxis(0, left), outputAxis(0, 0)]
  const columns: AxisPart[] = [inputAxis(1, 1 - right), outputAxis(0, 1)]
  // A C that is not known leaves both as they are.
  const added = node.inputs[2] ? broadcastLinks(node, [2]) : []
  const withAdded = (parts: AxisPart[], axis: number): AxisLink[] => {
    if (!node.inputs[2]) return [parts]
    const found = added.find((link) => link.some((part) => part.side === 'output' && part.axis === axis))
    return found ? [[...parts, ...found.filter((part) => part.side === 'input')]] : []
  }
  return { links: [[inputAxis(0, 1 - left), inputAxis(1, right)], ...withAdded(rows, 0), ...withAdded(columns, 1)] }
}

/** Labels of the inputs' axes and the output's: those of one label go together. A label that only one input has is summed over, and stays. */
export function einsumAxes(inputs: readonly (readonly string[])[], output: readonly string[]): AxisRule {
  if ([...inputs, output].some((labels) => labels.includes('...'))) return { links: [] }
  const places = new Map<string, AxisPart[]>()
  const add = (label: string, part: AxisPart): void => void places.set(label, [...(places.get(label) ?? []), part])
  inputs.forEach((labels, at) => labels.forEach((label, axis) => add(label, inputAxis(at, axis))))
  output.forEach((label, axis) => add(label, outputAxis(0, axis)))
  return { links: [...places.values()].filter((parts) => new Set(parts.map(({ side, at }) => `${side} ${at}`)).size > 1) }
}

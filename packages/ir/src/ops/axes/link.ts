import type { Dim, Node } from '../../graph.ts'
import type { AxisLink, AxisPart, AxisPlace } from '../row.ts'

/** What the rules of op families share. */

export function inputAxis(at: number, axis: number, classOf?: AxisPart['classOf']): AxisPart {
  return { side: 'input', at, axis, ...(classOf ? { classOf } : {}) }
}

export function outputAxis(at: number, axis: number, classOf?: AxisPart['classOf']): AxisPart {
  return { side: 'output', at, axis, ...(classOf ? { classOf } : {}) }
}

export function shapeAt(node: Node, { side, at }: Pick<AxisPlace, 'side' | 'at'>): readonly Dim[] | undefined {
  return (side === 'input' ? node.inputs : node.outputs)[at]?.shape
}

/** The fixed length of an axis of an input. */
export function lengthOf(node: Node, input: number, axis: number): number | undefined {
  const dim = node.inputs[input]?.shape?.at(axis)
  return typeof dim === 'number' ? dim : undefined
}

/** `axis` from the front; undefined where it is outside of the rank. */
export function fromFront(axis: number, rank: number): number | undefined {
  const at = axis < 0 ? axis + rank : axis
  return at >= 0 && at < rank ? at : undefined
}

/**
 * Index by index, along the axes of output 0 that `takes`: inputs broadcast to it, as numpy's do. An axis of which an input does not tell whether it
 * is broadcast is left out.
 */
export function broadcastLinks(
  node: Node,
  inputs: readonly number[],
  outputs: readonly number[] = [0],
  takes: (axis: number) => boolean = () => true,
): AxisLink[] {
  const shape = node.outputs[0]?.shape
  const shapes = inputs.map((input) => node.inputs[input] && (node.inputs[input].shape ?? 'unknown'))
  if (!shape || shapes.includes('unknown')) return []
  return shape.flatMap((length, axis): AxisLink[] => {
    if (typeof length !== 'number' || !takes(axis)) return []
    const parts: AxisPart[] = outputs.filter((output) => node.outputs[output]).map((output) => outputAxis(output, axis))
    for (const [index, input] of inputs.entries()) {
      const given = shapes[index] as readonly Dim[] | undefined
      if (!given) continue
      const at = axis - shape.length + given.length
      if (at < 0 || given[at] === 1) continue
      if (given[at] !== length) return []
      parts.push(inputAxis(input, at))
    }
    return [parts]
  })
}

/** Links between axes of input 0 and output 0, pair by pair. */
export function pairs(axes: readonly (readonly [input: number, output: number])[]): AxisLink[] {
  return axes.map(([input, output]) => [inputAxis(0, input), outputAxis(0, output)])
}

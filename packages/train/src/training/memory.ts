import { type Model, type Value, bitsOf, inferShapes } from '@whittle/ir'

/**
 * The bytes that a run holds at most at one time, constants and inputs included: each value from the node that gives it to the last that reads
 * it. It is what a runtime needs that frees at once and fuses nothing; a value whose shape is not known counts as the greatest that is.
 * @param shapes dims of the inputs.
 */
export function peakBytes(model: Model, shapes: Readonly<Record<string, readonly number[]>>): number {
  const copy = model.clone()
  inferShapes(copy, { dims: shapes })
  const { graph } = copy
  const sizes = new Map<Value, number>()
  const all = graph.nodes.flatMap((node) => node.outputs).filter((value) => value !== undefined)
  for (const value of all) {
    const size = bytesOf(value)
    if (size !== undefined) sizes.set(value, size)
  }
  const greatest = [...sizes.values()].reduce((most, size) => Math.max(most, size), 0)
  let held = [...graph.inputs, ...graph.initializers].reduce((sum, value) => sum + (bytesOf(value) ?? 0), 0)
  let most = held
  const readers = new Map(all.map((value) => [value, value.uses.length + (value.isOutput ? 1 : 0)]))
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output) held += sizes.get(output) ?? greatest
    most = Math.max(most, held)
    for (const input of new Set(node.inputs)) {
      const left = input && readers.get(input)
      if (input === undefined || left === undefined) continue
      const rest = left - node.inputs.filter((other) => other === input).length
      readers.set(input, rest)
      if (rest === 0) held -= sizes.get(input) ?? greatest
    }
  }
  return most
}

function bytesOf({ shape, elementType, tensor }: Value): number | undefined {
  const dims = tensor?.dims ?? shape
  if (!dims?.every((dim) => typeof dim === 'number')) return undefined
  return (dims.reduce((product, dim) => product * dim, 1) * bitsOf(elementType ?? 'float32')) / 8
}

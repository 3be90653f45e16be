import { compareOutputs } from '@whittle/engine'
import { type Engine, type Model, Tensor, type Tensors, kindOf } from '@whittle/ir'

/** Elements that one run may give beside the outputs: half a gigabyte of floats. */
const MOST_CAPTURED = 2 ** 27

/** Signal to noise ratio in dB; null where both are equal. Undefined where they do not have as many elements. */
export function sqnrOf(reference: Float32Array, given: Float32Array): number | null | undefined {
  if (reference.length !== given.length) return undefined
  const dims = [reference.length]
  return compareOutputs(Tensor.float32(dims, reference), Tensor.float32(dims, given)).sqnr
}

/** The inner values that a file gives, with what the original calls them. */
export interface Pairing {
  readonly original: string
  readonly given: string
}

/**
 * Runs both models once, and compares inner values. The file's layers compute in float32 then, between the same roundings.
 * @returns by the original's name; or why they cannot be compared.
 */
export async function compareInside(
  original: Model,
  given: Model,
  pairs: readonly Pairing[],
  inputs: Tensors,
  engine: Engine,
): Promise<Map<string, number | null> | string> {
  const elements = sizeOf(original, new Set(pairs.map((pair) => pair.original)))
  if (elements > MOST_CAPTURED) return `what the layers give has ${elements} elements, too many to hold`
  const expected = await capture(
    original,
    pairs.map((pair) => pair.original),
    inputs,
    engine,
  )
  const actual = await capture(
    given,
    pairs.map((pair) => pair.given),
    inputs,
    engine,
  )
  const result = new Map<string, number | null>()
  for (const { original: name, given: other } of pairs) {
    const [a, b] = [expected[name], actual[other]]
    if (!a || !b || kindOf(a.type) !== 'float' || kindOf(b.type) !== 'float') continue
    const sqnr = sqnrOf(a.toFloat32(), b.toFloat32())
    if (sqnr !== undefined) result.set(name, sqnr)
  }
  return result
}

/** Free dimensions count as 1. */
function sizeOf(model: Model, names: ReadonlySet<string>): number {
  let sum = 0
  for (const node of model.graph.nodes)
    for (const output of node.outputs)
      if (output && names.has(output.name))
        sum += (output.shape ?? []).reduce<number>((product, dim) => product * (typeof dim === 'number' ? dim : 1), 1)
  return sum
}

async function capture(model: Model, names: readonly string[], inputs: Tensors, engine: Engine): Promise<Tensors> {
  const session = await engine.open(model, { capture: names })
  try {
    return await session.run(inputs)
  } finally {
    await session.dispose()
  }
}

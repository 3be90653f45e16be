import { type Model, type Random, type Tensor, type Value, inferShapes, problemsOf } from '@whittle/ir'
import { differenceOf } from './compare.ts'
import { masked } from './masked.ts'
import { randomInputs, runModel } from './run.ts'

export interface RemovalOptions {
  /** Free dimensions of the inputs; 2 where they are not there. */
  dims?: Readonly<Record<string, number>>
  /** Inputs that are not to be random. */
  given?: Readonly<Record<string, Tensor>>
  /** Relative to the greatest output. @default 1e-4 */
  tolerance?: number
}

/**
 * Removes something from a model, and compares what is left with the original whose weights are zero there, in onnxruntime.
 * @param remove edits the model; gives, by value and axis, the indices that stay.
 * @returns what is wrong; undefined where nothing is.
 */
export async function removalFault(
  model: Model,
  remove: (model: Model) => ReadonlyMap<Value, ReadonlyMap<number, readonly number[]>>,
  random: Random,
  { dims = {}, given = {}, tolerance = 1e-4 }: RemovalOptions = {},
): Promise<string | undefined> {
  inferShapes(model)
  const original = model.clone()
  const kept = remove(model)
  const [problem] = problemsOf(model)
  if (problem) return `it is not valid: ${problem}`
  const left = shapesOf(model)
  inferShapes(model)
  const wrong = shapesOf(model).find((shape, at) => shape !== left[at])
  if (wrong) return `a shape is wrong: ${wrong}`
  const inputs = { ...randomInputs(model, random, dims), ...given }
  const [expected, actual] = [await runModel(masked(original, kept), inputs), await runModel(model, inputs)]
  for (const [name, tensor] of Object.entries(expected)) {
    const difference = differenceOf(tensor, actual[name]!)
    if (!(difference <= tolerance)) return `output '${name}' differs by ${difference}`
  }
  return undefined
}

function shapesOf(model: Model): string[] {
  return [...model.nodes()].flatMap((node) => node.outputs.map((value) => `'${value?.name}' [${value?.shape?.join()}]`))
}

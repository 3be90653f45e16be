import type { Context, Model } from '@whittle/ir'
import { collectPrefix, fittedInputs, held } from '@whittle/statistics'
import type { Choice } from './choose.ts'
import type { Problem, Solution } from './form.ts'
import { type Layer, denseTensor, weightsMatrix } from './layers.ts'
import { type Matrix, matrixOf, multiply } from './matrix.ts'
import { meanOf } from './shift.ts'

/** The stages of a layer, and what they keep of it. */
export interface Fitted extends Solution {
  /** Share of the energy of its outputs that it keeps, or of its weights. */
  readonly kept: number
}

/** The stages of each layer from its weights alone. */
export function fitToWeights(choices: ReadonlyMap<Layer, Choice>): Map<Layer, Fitted> {
  return new Map([...choices].map(([layer, choice]) => [layer, solve(choice, weightsMatrix(layer))]))
}

/**
 * The stages of each layer, from the inputs on: each is fitted to what the original's gave, on the inputs that the layers before it leave to it now, so
 * that errors do not add up. The model's kernels become what the stages amount to, and biases keep the means.
 */
export async function fitToData(model: Model, choices: ReadonlyMap<Layer, Choice>, given: Context): Promise<Map<Layer, Fitted>> {
  const context = { ...given, calibration: await held(given.calibration!) }
  const original = model.clone()
  const places = new Map(model.graph.nodes.map((node, index) => [node, index]))
  const fitted = new Map<Layer, Fitted>()
  for (const [layer, choice] of choices) {
    context.signal?.throwIfAborted()
    const { weight, kernel, measured } = layer
    const weights = weightsMatrix(layer)
    const addToMean = meanOf(weight.node, kernel.outputs)
    const [group] = measured ? await collectPrefix(model, original, places.get(weight.node)!, context) : []
    const inputs = group && fittedInputs(group, addToMean !== undefined)
    const target = inputs ? matrixOf(weights.rows, weights.columns) : weights
    const rows = Array.from({ length: weights.rows }, (_, row) => Float32Array.from(rowOf(weights, row)))
    if (inputs) rows.forEach((row, at) => rowOf(target, at).set(inputs.fitted(row)))
    const result = solve(choice, target, inputs && { kernel, weights: target, moments: inputs.inputs })
    weight.value.graph.setTensor(weight.value, denseTensor(layer, result.dense))
    if (inputs && addToMean) addToMean(Float32Array.from(rows, (row, at) => inputs.shift(row, Float32Array.from(rowOf(result.dense, at)))))
    fitted.set(layer, result)
    context.onProgress?.({ step: 'fitting layers', done: fitted.size, total: choices.size })
  }
  return fitted
}

/** @param now the layer as it is by now; undefined where it is as it was looked at. */
function solve({ form, ranks }: Choice, weights: Matrix, now?: Problem): Fitted {
  const solution = form.solve(ranks, now)
  const moments = now?.moments?.matrix
  const error = matrixOf(
    weights.rows,
    weights.columns,
    weights.data.map((item, at) => item - solution.dense.data[at]!),
  )
  const signal = energyOf(weights, moments)
  return { ...solution, kept: signal > 0 ? 1 - energyOf(error, moments) / signal : 1 }
}

/** The trace of `W H W^T`. */
function energyOf(weights: Matrix, moments: Float64Array | undefined): number {
  const responses = moments ? multiply(weights, matrixOf(weights.columns, weights.columns, moments)) : weights
  return weights.data.reduce((sum, item, at) => sum + item * responses.data[at]!, 0)
}

function rowOf({ columns, data }: Matrix, row: number): Float64Array {
  return data.subarray(row * columns, (row + 1) * columns)
}

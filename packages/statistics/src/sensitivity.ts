import { type Context, type Model, type Tensors, kindOf } from '@whittle/ir'
import { outputsOn } from './output-noise.ts'

/** Samples on which a layer's effect on the outputs is measured. */
const SAMPLES = 24

/** One layer as it would be changed by itself. */
export interface Trial {
  /** Makes it so in a copy of the model. */
  apply(copy: Model): void
  /** The squared error of the layer's output in that state. */
  readonly error: number
}

/**
 * How much of a layer's squared error arrives at the model's outputs: each trial is put into the model alone, and the change of the outputs
 * (relative squared error, summed over the outputs) is divided by the layer's own error.
 */
export async function sensitivities(model: Model, trials: readonly Trial[], context: Context): Promise<number[]> {
  const inputs: Tensors[] = []
  for await (const sample of context.calibration!.samples()) {
    inputs.push(sample.inputs)
    if (inputs.length === SAMPLES) break
  }
  const reference = await outputsOn(model, inputs, context.engine!)
  const results: number[] = []
  for (const [index, { apply, error }] of trials.entries()) {
    context.signal?.throwIfAborted()
    const copy = model.clone()
    apply(copy)
    const changed = await outputsOn(copy, inputs, context.engine!)
    results.push(error > 0 ? relativeError(reference, changed) / error : 0)
    context.onProgress?.({ step: 'measuring sensitivities', done: index + 1, total: trials.length })
  }
  return results
}

function relativeError(reference: readonly Tensors[], changed: readonly Tensors[]): number {
  const signal = new Map<string, number>()
  const noise = new Map<string, number>()
  reference.forEach((outputs, index) => {
    for (const [name, tensor] of Object.entries(outputs)) {
      if (kindOf(tensor.type) !== 'float') continue
      const [a, b] = [tensor.toFloat32(), changed[index]![name]!.toFloat32()]
      let [s, n] = [0, 0]
      for (let i = 0; i < a.length; i++) {
        if (!Number.isFinite(a[i]!) || !Number.isFinite(b[i]!)) continue
        s += a[i]! ** 2
        n += (a[i]! - b[i]!) ** 2
      }
      signal.set(name, (signal.get(name) ?? 0) + s)
      noise.set(name, (noise.get(name) ?? 0) + n)
    }
  })
  return [...noise].reduce((sum, [name, n]) => sum + n / (signal.get(name)! || 1), 0)
}

import { type Context, DatasetError, type Model, type Value } from '@whittle/ir'
import { calibrationOf } from './calibrate.ts'

/** The least and the greatest of what a value was on the calibration data. */
export interface Extremes {
  min: number
  max: number
  /** Samples in which it had NaN or infinite elements; they do not count for `min` and `max`. */
  invalid: number
}

/**
 * Runs the model on every calibration sample and takes the least and the greatest element of each of `values`. They are found inside the
 * engine, so that only three numbers a value come out of it. Values that are not float32 are left out.
 * @throws {DatasetError} without calibration data or an engine, when the dataset yields nothing, or when a sample does not fit the model.
 */
export async function measureExtremes(model: Model, values: readonly Value[], context: Context): Promise<Map<string, Extremes>> {
  const { engine, calibration } = calibrationOf(context)
  const { probe, plan } = probeOf(model, values)
  const found = new Map<string, Extremes>(plan.map(({ name }) => [name, { min: Infinity, max: -Infinity, invalid: 0 }]))
  const session = await engine.open(probe)
  let done = 0
  try {
    for await (const sample of calibration.samples()) {
      context.signal?.throwIfAborted()
      const outputs = await session.run(sample.inputs)
      const numberOf = (name: string): number => outputs[name]!.toNumbers()[0]!
      for (const { name, min, max, sum } of plan) {
        const extremes = found.get(name)!
        // The sum is not finite where an element is not, and a minimum may pass over NaN.
        if (!Number.isFinite(numberOf(sum))) extremes.invalid++
        else {
          extremes.min = Math.min(extremes.min, numberOf(min))
          extremes.max = Math.max(extremes.max, numberOf(max))
        }
      }
      done++
      context.onProgress?.({ step: 'calibrating', done, total: calibration.length })
    }
  } finally {
    await session.dispose()
  }
  if (done === 0) throw new DatasetError('DATASET_EMPTY', `the calibration dataset '${calibration.key}' yields no samples`)
  return found
}

interface Reduced {
  name: string
  min: string
  max: string
  sum: string
}

/** A copy of the model that gives the reductions of the values, and nothing else. */
function probeOf(model: Model, values: readonly Value[]): { probe: Model; plan: Reduced[] } {
  const probe = model.clone()
  const { graph } = probe
  const wanted = new Set(values.filter(({ elementType }) => elementType === 'float32').map(({ name }) => name))
  const outputs: Value[] = []
  const plan: Reduced[] = []
  for (const value of [...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs)]) {
    if (!value || !wanted.has(value.name)) continue
    const [min, max, sum] = ['ReduceMin', 'ReduceMax', 'ReduceSum'].map((op) => {
      const { output } = graph.addNode({ op, inputs: [value], attributes: { keepdims: 0 }, outputs: [`${value.name}_${op}`] })
      output.elementType = 'float32'
      output.shape = []
      return output
    }) as [Value, Value, Value]
    outputs.push(min, max, sum)
    plan.push({ name: value.name, min: min.name, max: max.name, sum: sum.name })
  }
  graph.setOutputs(outputs)
  return { probe, plan }
}

import { type Context, type Dataset, DatasetError, type Engine, type Model, type Value } from '@whittle/ir'
import { RangeCollector } from './ranges.ts'

/** @throws {DatasetError} without calibration data or an engine. */
export function calibrationOf({ engine, calibration }: Context): { engine: Engine; calibration: Dataset } {
  if (engine && calibration) return { engine, calibration }
  throw new DatasetError('CALIBRATION_MISSING', 'activations need calibration data and an engine; give them, or leave activations out')
}

/**
 * Runs the model on every calibration sample and collects the range of each of `values`. One sample is in memory at a time.
 * @throws {DatasetError} without calibration data or an engine, when the dataset yields nothing, or when a sample does not fit the model.
 */
export async function calibrate(model: Model, values: readonly Value[], context: Context): Promise<RangeCollector> {
  const { engine, calibration } = calibrationOf(context)
  const collector = new RangeCollector()
  const names = values.map((value) => value.name)
  const inputs = new Set(model.graph.inputs.map((input) => input.name))
  const session = await engine.open(model, { capture: names.filter((name) => !inputs.has(name)) })
  let done = 0
  try {
    for await (const sample of calibration.samples()) {
      context.signal?.throwIfAborted()
      const outputs = await session.run(sample.inputs)
      for (const name of names) {
        const tensor = outputs[name] ?? sample.inputs[name]
        if (tensor?.type === 'float32') collector.add(name, tensor.toFloat32())
      }
      done++
      context.onProgress?.({ step: 'calibrating', done, total: calibration.length })
    }
  } finally {
    await session.dispose()
  }
  if (done === 0) throw new DatasetError('DATASET_EMPTY', `the calibration dataset '${calibration.key}' yields no samples`)
  return collector
}

import { readFileSync } from 'node:fs'
import { type OutputQuality, type Port, QualityMeter, checkSample, portsOf } from '@whittle/engine'
import { type Dataset, DatasetError, type Engine, type EngineSession, WhittleError } from '@whittle/ir'

export interface CompareRequest {
  /** Path of the reference. */
  readonly a: string
  /** Path of the model that is judged. */
  readonly b: string
  readonly data: Dataset
  readonly engine: Engine
  readonly signal?: AbortSignal
  /** Called with the number of samples that were compared, of `total` where that is known. */
  readonly onProgress?: (done: number, total: number | undefined) => void
}

/** How far the outputs of `b` are from those of `a`. */
export interface Comparison {
  readonly a: string
  readonly b: string
  /** The engine that ran both: `wasm`. */
  readonly engine: string
  readonly samples: number
  /** By output name. */
  readonly outputs: Readonly<Record<string, OutputQuality>>
}

/**
 * Runs two models on the same samples and compares their outputs by name. Both run as they stand in their files.
 * @throws {ModelError} when a file is no model; {@link UnsupportedError} when the engine refuses one; {@link DatasetError} when there is
 * no sample, a sample does not fit, or an output of `a` is missing in `b`. Each names the file.
 */
export async function compareModels({ a, b, data, engine, signal, onProgress }: CompareRequest): Promise<Comparison> {
  const meter = new QualityMeter()
  const opened: Opened[] = []
  try {
    for (const file of [a, b]) opened.push(await open(file, engine))
    const [reference, judged] = opened as [Opened, Opened]
    for await (const sample of data.samples()) {
      signal?.throwIfAborted()
      for (const { file, inputs } of opened) await naming(file, () => checkSample(sample, inputs))
      const expected = await naming(a, () => reference.session.run(sample.inputs))
      const given = await naming(b, () => judged.session.run(sample.inputs))
      await naming(b, () => meter.add(expected, given))
      onProgress?.(meter.count, data.length)
    }
  } finally {
    for (const { session } of opened) await session.dispose()
  }
  if (meter.count === 0) throw new DatasetError('DATASET_EMPTY', 'the dataset yields no samples, so that nothing can be compared')
  return { a, b, engine: engine.name, samples: meter.count, outputs: meter.result() }
}

interface Opened {
  readonly file: string
  readonly inputs: readonly Port[]
  readonly session: EngineSession
}

async function open(file: string, engine: Engine): Promise<Opened> {
  const { formatOf, readModelFile } = await import('./source.ts')
  const { model, files } = readModelFile(file)
  // External data are not in the file: such a model goes through the IR, as one of another format.
  const session = await naming(file, () => engine.open(formatOf(file) === 'onnx' && files.length === 1 ? readFileSync(file) : model))
  return { file, inputs: portsOf(model).inputs, session }
}

/** Puts the file's name before the message of an error of ours. */
async function naming<T>(file: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof WhittleError) error.message = `${file}: ${error.message}`
    throw error
  }
}

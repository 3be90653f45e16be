import type { InferenceSession } from 'onnxruntime-web'
import type { Manifest, ManifestVariant } from '@whittle/targets'
import { RunError, messageOf, type Decision } from './errors.ts'
import type { Ort } from './source.ts'
import { enqueue } from './start.ts'
import type { ElementType, Tensor, TensorArrays } from './tensor.ts'
import { validateInputs } from './validate.ts'

/** Tensors by name. */
export type TensorMap = { readonly [name: string]: Tensor }

/** A model that is ready to run on this device. */
export interface Session<Inputs = TensorMap, Outputs = TensorMap> {
  /**
   * Runs the model once. Calls may overlap: they are run one after another, in the order in which they came, so leave the data of an input
   * alone until its run is over.
   * @throws {RunError} where names, element types, ranks or fixed dimensions are not the model's, and after `dispose()`.
   */
  run(inputs: Inputs): Promise<Outputs>
  /** The execution provider that computes: `wasm`, `webgpu`, `webnn`. */
  readonly device: ManifestVariant['provider']
  readonly variant: ManifestVariant
  /** What was tried, in that order, and why it was chosen or not; every variant once. */
  readonly decisions: readonly Decision[]
  /** Bytes of model files: fetched by this `load()`, failed attempts included; and of the variant that runs. The runtime is not in it. */
  readonly bytes: { readonly downloaded: number; readonly total: number }
  /** Frees the memory after the runs that were asked for before. Calling it again does nothing. */
  dispose(): Promise<void>
}

export interface Started {
  readonly ort: Ort
  readonly session: InferenceSession
  readonly variant: ManifestVariant
  readonly decisions: readonly Decision[]
  readonly downloaded: number
}

/** Runs a session in its turn. */
export async function runOn(ort: Ort, session: InferenceSession, inputs: TensorMap): Promise<TensorMap> {
  const feeds: Record<string, InstanceType<Ort['Tensor']>> = {}
  for (const [name, { type, data, dims }] of Object.entries(inputs))
    feeds[name] = new ort.Tensor(type as 'float32', data as Float32Array, dims)
  const results = await enqueue(ort, () => session.run(feeds))
  return Object.fromEntries(Object.entries(results).map(([name, result]) => [name, plain(result)]))
}

export function createRunner(manifest: Manifest, started: Started): Session {
  const { ort, session, variant, decisions, downloaded } = started
  let disposed: Promise<void> | undefined

  const run = async (inputs: TensorMap): Promise<TensorMap> => {
    if (disposed) throw new RunError('DISPOSED', `${manifest.name}: this session was disposed of; load the model again to run it`)
    validateInputs(manifest, inputs)
    try {
      return await runOn(ort, session, inputs)
    } catch (cause) {
      throw new RunError('RUN_FAILED', `${manifest.name}: the run failed on ${variant.provider} (${variant.id}): ${messageOf(cause)}`, {
        cause,
      })
    }
  }

  return {
    run,
    device: variant.provider,
    variant,
    decisions,
    bytes: { downloaded, total: variant.files.reduce((sum, file) => sum + file.bytes, 0) },
    dispose: () => (disposed ??= enqueue(ort, () => session.release())),
  }
}

function plain({ type, data, dims }: { type: string; data: unknown; dims: readonly number[] }): Tensor {
  return { type: type as ElementType, data: data as TensorArrays[ElementType], dims }
}

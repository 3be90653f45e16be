import type { InferenceSession } from 'onnxruntime-web'
import type { Manifest, ManifestVariant } from '@whittle/targets'
import { RunError, messageOf, type Decision } from './errors.ts'
import type { Ort } from './source.ts'
import { enqueue } from './start.ts'
import type { Tensor } from './tensor.ts'
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
  /** What computes: onnxruntime's execution provider `wasm`, `webgpu` or `webnn`, or the small runtime `tfjs`. */
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
  /** Frees the session after the runs that were asked for before. */
  release(): unknown
}

/** Runs a session in its turn. */
export async function runOn(ort: Ort, session: InferenceSession, inputs: TensorMap): Promise<TensorMap> {
  const feeds: Record<string, InstanceType<Ort['Tensor']>> = {}
  for (const [name, { type, data, dims }] of Object.entries(inputs))
    feeds[name] = new ort.Tensor(type as 'float32', data as Float32Array, dims)
  const results = await enqueue(ort, () => session.run(feeds))
  const plain = Object.entries(results).map(([name, { type, data, dims }]) => [name, { type, data, dims }])
  return Object.fromEntries(plain) as TensorMap
}

/**
 * @param restart starts another variant, given the one that broke down and how. A device may be lost at any time; whether it is the device or
 * the inputs that are at fault shows when they are run on another.
 */
export function createRunner(
  manifest: Manifest,
  first: Started,
  restart: (variant: ManifestVariant, error: RunError) => Promise<Started>,
): Session {
  let current = first
  let moving: Promise<Started | undefined> | undefined
  let disposed: Promise<void> | undefined

  const runWith = async ({ ort, session, variant }: Started, inputs: TensorMap): Promise<TensorMap> => {
    try {
      return await runOn(ort, session, inputs)
    } catch (cause) {
      throw new RunError('RUN_FAILED', `${manifest.name}: the run failed on ${variant.provider} (${variant.id}): ${messageOf(cause)}`, {
        cause,
      })
    }
  }

  const run = async (inputs: TensorMap): Promise<TensorMap> => {
    if (disposed) throw new RunError('DISPOSED', `${manifest.name}: this session was disposed of; load the model again to run it`)
    validateInputs(manifest, inputs)
    const on = current
    try {
      return await runWith(on, inputs)
    } catch (error) {
      if (on.variant.provider === 'wasm' || disposed) throw error
      const next = on === current ? await (moving ??= restart(on.variant, error as RunError).catch(() => undefined)) : current
      if (!next) throw error
      const outputs = await runWith(next, inputs)
      if (on === current) {
        void on.release()
        current = next
        moving = undefined
      }
      return outputs
    }
  }

  return {
    run,
    get device() {
      return current.variant.provider
    },
    get variant() {
      return current.variant
    },
    get decisions() {
      return current.decisions
    },
    get bytes() {
      return { downloaded: current.downloaded, total: current.variant.files[0]!.bytes }
    },
    dispose: () =>
      (disposed ??= (async () => {
        await current.release()
        await (await moving)?.release()
      })()),
  }
}

import type { InferenceSession } from 'onnxruntime-web'
import type { ManifestVariant } from '@whittle/targets'
import { LoadError, messageOf } from './errors.ts'
import { buildOf, pathsOf, type Ort, type Runtimes } from './source.ts'

const tails = new WeakMap<object, Promise<unknown>>()

/**
 * Runs `work` after all that was queued before it on the same build of onnxruntime. A build with WebGPU does one asynchronous thing at a
 * time, over all of its sessions, and answers overlapping calls with an error.
 */
export function enqueue<T>(ort: object, work: () => Promise<T>): Promise<T> {
  const result = (tails.get(ort) ?? Promise.resolve()).then(work)
  tails.set(
    ort,
    result.catch(() => undefined),
  )
  return result
}

/** Fetches the JavaScript of the build that runs a variant, and points it to its other files. */
export async function loadRuntime(variant: ManifestVariant, runtimes: Runtimes, base?: string): Promise<Ort> {
  const build = buildOf(variant, runtimes)
  const source = runtimes[build]
  if (!source) throw new LoadError('RUNTIME_MISSING', `this app was built without onnxruntime-web's files for ${variant.provider}`)
  let ort: Ort
  try {
    ort = await source.load()
  } catch (cause) {
    throw new LoadError('RUNTIME_FAILED', `onnxruntime-web's JavaScript could not be fetched: ${messageOf(cause)}`, { cause })
  }
  const { env } = ort
  env.logLevel = 'error'
  env.wasm.wasmPaths = pathsOf(build, source, base)
  env.wasm.numThreads = threads()
  return ort
}

/** Threads share memory, which browsers give to cross-origin isolated pages only. */
function threads(): number {
  return globalThis.crossOriginIsolated ? Math.max(1, Math.min(4, Math.floor((navigator.hardwareConcurrency || 1) / 2))) : 1
}

export async function createSession(ort: Ort, variant: ManifestVariant, bytes: Uint8Array): Promise<InferenceSession> {
  const { provider, deviceType } = variant
  try {
    return await enqueue(ort, () =>
      ort.InferenceSession.create(bytes, {
        executionProviders: [provider === 'webnn' ? { name: provider, deviceType: deviceType ?? 'cpu' } : provider],
        // Only errors: onnxruntime warns of every node that an execution provider leaves to the CPU.
        logSeverityLevel: 3,
      }),
    )
  } catch (cause) {
    throw new LoadError('SESSION_FAILED', `onnxruntime-web made no session: ${messageOf(cause)}`, { cause })
  }
}

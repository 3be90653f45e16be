import type { InferenceSession } from 'onnxruntime-web'
import type { ManifestVariant } from '@whittle/targets'
import { LoadError, messageOf } from './errors.ts'
import { obtain, type Place } from './fetch.ts'
import { buildOf, pathsOf, type Ort, type Runtimes, type RuntimeSource } from './source.ts'

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

/** The WebAssembly of each build that is being fetched or was taken in, by its hash: every page starts a build once. */
const binaries = new Map<string, Promise<Uint8Array | undefined>>()

/** What `onBytes` of {@link loadRuntime} is told first, and with every piece. */
export type OnRuntime = (bytes: number, total: number) => void

/** Fetches the JavaScript of the build that runs a variant, and its WebAssembly abreast, or points the one to the other. */
export async function loadRuntime(
  variant: ManifestVariant,
  runtimes: Runtimes,
  onBytes: OnRuntime,
  started: Promise<void>,
  base?: string,
): Promise<Ort> {
  const build = buildOf(variant, runtimes)
  const source = runtimes[build]
  if (!source) throw new LoadError('RUNTIME_MISSING', `this app has no runtime for ${variant.provider}`)
  const paths = pathsOf(source, base)
  const binary = binaryOf(source, paths.wasm, { started, scope: `runtime/${build}`, wanted: [] }, onBytes)
  binary?.catch(() => undefined)
  let ort: Ort
  try {
    ort = await source.load()
  } catch (cause) {
    throw new LoadError('RUNTIME_FAILED', `the runtime's JavaScript could not be fetched: ${messageOf(cause)}`, { cause })
  }
  const { env } = ort
  env.logLevel = 'error'
  env.wasm.wasmPaths = paths
  env.wasm.numThreads = threads()
  const bytes = await binary
  if (bytes) env.wasm.wasmBinary = bytes
  return ort
}

/** Not ended by the signal of the load that began it, since others may wait for it as well. */
function binaryOf(source: RuntimeSource, url: string, place: Place, onBytes: OnRuntime): Promise<Uint8Array | undefined> | undefined {
  const { file } = source
  if (!file) return undefined
  const known = binaries.get(file.sha256)
  if (known) return known
  onBytes(0, file.bytes)
  const binary = (source.obtain ?? obtain)(url, file, place, undefined, (bytes) => onBytes(bytes, file.bytes))
  binaries.set(file.sha256, binary)
  binary.catch(() => binaries.delete(file.sha256))
  return binary
}

/** Lets go of a build's WebAssembly once it is running. */
export function dropBinary(ort: Ort, source: RuntimeSource | undefined): void {
  if (!source?.file) return
  binaries.set(source.file.sha256, Promise.resolve(undefined))
  delete ort.env.wasm.wasmBinary
}

/** Threads share memory, which browsers give to cross-origin isolated pages only. */
function threads(): number {
  return globalThis.crossOriginIsolated ? Math.max(1, Math.min(4, navigator.hardwareConcurrency >> 1)) : 1
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
    throw new LoadError('SESSION_FAILED', `the runtime made no session: ${messageOf(cause)}`, { cause })
  }
}

import type { Manifest, ManifestVariant } from '@whittle/targets'
import type { KnownFile, Obtain } from './fetch.ts'

/** A build of onnxruntime-web. */
export type Ort = typeof import('onnxruntime-web')

/** A runtime, such as one of onnxruntime-web's builds: its JavaScript, fetched when asked for, and the addresses of its WebAssembly and of the glue to it. */
export interface RuntimeSource {
  load(): Promise<Ort>
  readonly wasm: string
  readonly mjs: string
  /** The WebAssembly's published name, size and hash. With it, the file is fetched beside the model, checked, and kept for the next load. */
  readonly file?: KnownFile
  /** Of a WebAssembly in parts: `obtainParts` of `@whittle/runtime/parts`. `wasm` is then empty. */
  readonly obtain?: Obtain
}

/**
 * The builds that a model's variants need. They are modules of their own, with a state of their own: when one fails, the next still starts.
 * `jspi` and `webgpu` both serve WebGPU and WebNN; `jspi` is the smaller one, for browsers with WebAssembly's promise integration.
 */
export interface Runtimes {
  readonly wasm?: RuntimeSource
  readonly webgpu?: RuntimeSource
  readonly jspi?: RuntimeSource
  /** TensorFlow.js's WebAssembly behind the part of onnxruntime-web's interface that the loader uses: `createRuntime` of `@whittle/tfjs/run`. */
  readonly tfjs?: RuntimeSource
}

/** All that a model is made of. A bundler's plugin writes it; by hand it needs a manifest and addresses. */
export interface ModelSource {
  readonly manifest: Manifest
  /** The address of each file of the manifest, by its path; of a file in parts, the address of each part. */
  readonly urls: Readonly<Record<string, string>>
  readonly runtimes: Runtimes
  /** Where files of the manifest are in parts: `obtainParts` of `@whittle/runtime/parts`. */
  readonly obtain?: Obtain
}

/** Which build runs a variant in this browser. */
export function buildOf(variant: ManifestVariant, runtimes: Runtimes): keyof Runtimes {
  const { provider } = variant
  if (provider === 'wasm' || provider === 'tfjs') return provider
  return 'Suspending' in WebAssembly && runtimes.jspi ? 'jspi' : 'webgpu'
}

/** The addresses of a runtime's files, moved to `base` under their published names where it is given. */
export function pathsOf({ wasm, mjs, file }: RuntimeSource, base?: string): { wasm: string; mjs: string } {
  if (base === undefined) return { wasm, mjs }
  const { href } = new URL(base.replace(/\/?$/, '/') + (file?.path ?? wasm.replace(/.*\//, '')), location.href)
  return { wasm: href, mjs: href.replace(/wasm$/, 'mjs') }
}

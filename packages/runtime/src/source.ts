import type { Manifest, ManifestVariant } from '@whittle/targets'
import type { KnownFile } from './fetch.ts'

/** A build of onnxruntime-web. */
export type Ort = typeof import('onnxruntime-web')

/** One of onnxruntime-web's builds: its JavaScript, fetched when asked for, and the addresses of its WebAssembly and of the glue to it. */
export interface RuntimeSource {
  load(): Promise<Ort>
  readonly wasm: string
  readonly mjs: string
  /** The WebAssembly's size and hash. With it, the file is fetched beside the model, checked, and kept for the next load. */
  readonly file?: KnownFile
}

/**
 * The builds that a model's variants need. They are modules of their own, with a state of their own: when one fails, the next still starts.
 * `jspi` and `webgpu` both serve WebGPU and WebNN; `jspi` is the smaller one, for browsers with WebAssembly's promise integration.
 */
export interface Runtimes {
  readonly wasm?: RuntimeSource
  readonly webgpu?: RuntimeSource
  readonly jspi?: RuntimeSource
}

/** All that a model is made of. A bundler's plugin writes it; by hand it needs a manifest and addresses. */
export interface ModelSource {
  readonly manifest: Manifest
  /** The address of each file of the manifest, by its path. */
  readonly urls: Readonly<Record<string, string>>
  readonly runtimes: Runtimes
}

/** The file name, without its ending, under which onnxruntime-web publishes each build. */
const FILES = { wasm: '', webgpu: '.asyncify', jspi: '.jspi' } as const

/** Which build runs a variant in this browser. */
export function buildOf(variant: ManifestVariant, runtimes: Runtimes): keyof Runtimes {
  if (variant.provider === 'wasm') return 'wasm'
  return 'Suspending' in WebAssembly && runtimes.jspi ? 'jspi' : 'webgpu'
}

/** The address of a build's two files, moved to `base` under their published names where it is given. */
export function pathsOf(build: keyof Runtimes, source: RuntimeSource, base?: string): { wasm: string; mjs: string } {
  if (base === undefined) return { wasm: source.wasm, mjs: source.mjs }
  const start = new URL(`${base.replace(/\/?$/, '/')}ort-wasm-simd-threaded${FILES[build]}`, location.href).href
  return { wasm: `${start}.wasm`, mjs: `${start}.mjs` }
}

import type { ElementType } from '@whittle/ir'

/** The version of the manifest's form. A loader refuses a newer one by name. */
export const MANIFEST_FORMAT = 1

/** An input or an output: numbers are fixed dimensions, names are free ones. */
export interface Port {
  readonly name: string
  readonly elementType: ElementType
  readonly dims: readonly (number | string)[]
}

/** One file of a variant. */
export interface ArtefactFile {
  /** Relative to the manifest, in a build without a bundler; a name for messages where a bundler gives the address. */
  readonly path: string
  readonly bytes: number
  /** Bytes after brotli at its highest quality: what a user downloads from a host that serves it. */
  readonly brotli: number
  readonly sha256: string
}

/** One recipe lowered for one target. */
export interface ManifestVariant {
  /** Unique in the manifest: `int8-wasm`. */
  readonly id: string
  /** The target's name: `webgpu-f16`. */
  readonly target: string
  readonly provider: 'wasm' | 'webgpu' | 'webnn'
  readonly deviceType?: 'cpu' | 'gpu' | 'npu'
  /** Feature tests that must hold on the device, by name. */
  readonly probes: readonly string[]
  /** Preference at start-up: the least is tried first. */
  readonly rank: number
  /** The number format as asked: `int8`, `fp16`, `fp32`. */
  readonly format: string
  /** A self-contained ONNX model, first; equal files of several variants have equal hashes and one address. */
  readonly files: readonly ArtefactFile[]
}

/** All that the loader needs to choose a variant and run it. */
export interface Manifest {
  readonly format: number
  /** The model's file name without its extension. */
  readonly name: string
  /** The import's query, as written. */
  readonly query: string
  readonly source: { readonly file: string; readonly bytes: number; readonly brotli: number }
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  readonly variants: readonly ManifestVariant[]
}

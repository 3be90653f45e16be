import type { ElementType } from '@whittle/ir'

/** The version of the manifest's form. A loader refuses a newer one by name. */
export const MANIFEST_FORMAT = 1

/** The version of a manifest in which a file has `parts`: loaders before it know only whole files. */
export const PARTS_FORMAT = 2

/** An input or an output: numbers are fixed dimensions, names are free ones. */
export interface Port {
  readonly name: string
  readonly elementType: ElementType
  readonly dims: readonly (number | string)[]
}

/** One of the pieces of a file that a host would not take whole. */
export interface FilePart {
  /** As {@link ArtefactFile.path}. */
  readonly path: string
  readonly bytes: number
  readonly sha256: string
}

/** One file of a variant. */
export interface ArtefactFile {
  /** Relative to the manifest, in a build without a bundler; a name for messages where a bundler gives the address. */
  readonly path: string
  readonly bytes: number
  /** Bytes after brotli at its highest quality: what a user downloads from a host that serves it. */
  readonly brotli: number
  readonly sha256: string
  /** What is deployed in place of the file: joined in this order they are its bytes. `brotli` stays that of the whole. */
  readonly parts?: readonly FilePart[]
}

/** How an input of the golden check is made up: see `goldenValues`. */
export interface GoldenInput {
  readonly dims: readonly number[]
  readonly low: number
  readonly high: number
}

/** What a variant's own files gave for the golden check's inputs in wasm when the app was built. */
export interface Golden {
  /** The least signal to noise ratio, dB, at which outputs are taken for the same. */
  readonly sqnr: number
  /** Sketches by output name: see `sketch`. */
  readonly outputs: Readonly<Record<string, readonly number[]>>
}

/** One recipe lowered for one target. */
export interface ManifestVariant {
  /** Unique in the manifest: `int8-wasm`. */
  readonly id: string
  /** The target's name: `webgpu-f16`. */
  readonly target: string
  /** onnxruntime-web's execution provider; `tfjs` is the small runtime. */
  readonly provider: 'wasm' | 'webgpu' | 'webnn' | 'tfjs'
  readonly deviceType?: 'cpu' | 'gpu' | 'npu'
  /** Feature tests that must hold on the device, by name. */
  readonly probes: readonly string[]
  /** Preference at start-up: the least is tried first. */
  readonly rank: number
  /** The number format as asked: `int8`, `fp16`, `fp32`. */
  readonly format: string
  /** A self-contained ONNX model, first, or for `tfjs` a weight file with a program in it; equal files of several variants have equal hashes and one address. */
  readonly files: readonly ArtefactFile[]
  /** Absent where the answer to made-up inputs says nothing. */
  readonly golden?: Golden
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
  /** Inputs of the golden check, by name: made up, so that none of the app's samples is published. */
  readonly golden?: Readonly<Record<string, GoldenInput>>
  readonly variants: readonly ManifestVariant[]
}

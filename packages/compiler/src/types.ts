import type { Dataset, Logger, Metric, StepReport } from '@whittle/ir'
import type { Manifest } from '@whittle/targets'
import type { Forecast } from './forecast.ts'

/** What `whittle.config.ts` exports by default. */
export interface WhittleConfig {
  /** Directives for every import that does not say otherwise: `'target=wasm;webgpu'`. */
  defaults?: string
  /** Named queries: `{ web: 'int8&target=wasm;webgpu' }` makes `?web` valid. */
  presets?: Record<string, string>
  /** Datasets that `calibrate=` and `evaluate=` may name, or paths of modules relative to the config. */
  datasets?: Record<string, string | Dataset>
  /** Metrics that `metric=` may name, or paths of modules relative to the config. */
  metrics?: Record<string, string | Metric>
  /** Names of outputs that hold one score a class on their last axis; a Softmax over the rows of an output is known without. */
  classes?: string[]
}

export interface CompileRequest {
  /** Absolute path of the model. */
  readonly file: string
  /** The directives, without the `?`. */
  readonly query: string
  /** The project's root: places are named relative to it, `whittle.config.*` and `node_modules/.cache/whittle` are found in it. */
  readonly root: string
  /** The module that imports the model; relative dataset paths start there. By default the model's folder. */
  readonly importer?: string
  /** Overrides the configuration file. */
  readonly config?: WhittleConfig
  /** false: neither read nor write the cache. A string: its folder. */
  readonly cache?: boolean | string
  /** Whether the small runtime is chosen by itself for what runs in WebAssembly; by default only where `runtime=` asks for it. */
  readonly smallRuntime?: boolean
  readonly logger?: Logger
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: CompileProgress) => void
  /** Told each file on which the result depends as soon as that is known, also when the build fails later. */
  readonly onDependency?: (file: string) => void
}

export interface CompileProgress {
  /** Human words, lower case: `calibrating`. */
  readonly step: string
  /** Which variant, where the work is not shared. */
  readonly variant?: string
  readonly done: number
  readonly total?: number
  /** Seconds that the step still takes at the speed that it has had, where that is known. */
  readonly left?: number
}

/** One file to be emitted. */
export interface Artefact {
  /** Without a hash in it: `direction.int8-wasm.onnx`. Unique in a result. */
  readonly name: string
  readonly sha256: string
  readonly bytes: Uint8Array
}

/** How far an output of a variant is from the original's, over all samples. */
export interface Quality {
  /** Signal to quantization noise ratio in dB; null when the outputs are equal. */
  readonly sqnr: number | null
  /** Cosine similarity. */
  readonly cosine: number
}

/** What a metric gives on a variant as it ships, against the original, on the samples of `evaluate=`. */
export interface Accuracy {
  /** `top-1 accuracy`, `top-1 agreement with the original`, or what `metric=` names. */
  readonly metric: string
  /** false: the metric is an error or a distance. */
  readonly higherIsBetter: boolean
  /** The metric's value. */
  readonly original: number
  readonly variant: number
  /** Of the variant less the original, sample by sample, in points: hundredths of the metric. Below 0 is worse, also where less is better. */
  readonly difference: number
  /** The 95 % interval of the difference, in points; null where one sample has none. */
  readonly interval: [low: number, high: number] | null
  readonly samples: number
  /** Points that `drop=` allows to be lost. */
  readonly drop?: number
  /** 'holds' where the whole interval is within `drop`; a build is shipped with no other. */
  readonly decision?: 'holds' | 'fails' | 'undecided'
  /** Where undecided: about how many samples would decide, if there are so many. */
  readonly needs?: number
  /** In directives' words, what was taken back for `drop=` to hold; absent where it held as written. */
  readonly fallback?: readonly string[]
}

export interface VariantReport {
  readonly id: string
  readonly target: string
  readonly runtime: 'onnx' | 'tfjs'
  /** The recipe in directives' words: `simplify, prune 0.3, int8`. */
  readonly recipe: { step: string; options: Record<string, unknown> }[]
  readonly bytes: number
  readonly brotli: number
  /** By output name. */
  readonly quality: Record<string, Quality>
  /** Samples on which quality was measured, and where they came from. */
  readonly samples: { count: number; from: 'calibration' | 'evaluation' | 'random' }
  /** Where there is `evaluate=`. */
  readonly accuracy?: Accuracy
  readonly reports: StepReport[]
  /** Where the shipped file's nodes run on the target. */
  readonly forecast: Forecast
  readonly seconds: number
  /** Sentences that a user must see. */
  readonly warnings: string[]
}

/** A variant that was built and is not shipped: a device is better off with another one. */
export interface DroppedVariant {
  readonly id: string
  readonly target: string
  readonly why: string
  readonly forecast: Forecast
}

export interface CompileReport {
  readonly source: { file: string; bytes: number; brotli: number }
  readonly variants: VariantReport[]
  /** Variants that their targets are forecast to run slower than wasm, or not at all; `warnings` says so as well. */
  readonly dropped: DroppedVariant[]
  /** Sentences about the whole import that a user must see. */
  readonly warnings: string[]
}

export interface CompileResult {
  readonly manifest: Manifest
  /** In the order of the manifest's variants; equal files once. */
  readonly artefacts: Artefact[]
  readonly report: CompileReport
  /** The kernels that variants for the small runtime name, by the function of `@whittle/tfjs/run` that calls them; in alphabetical order. */
  readonly kernels: Readonly<Record<string, readonly string[]>>
  /** Absolute paths on which the result depends, the model first: model, external data, calibration module and what it imports, config. */
  readonly watch: string[]
  /** Whether everything came from the cache. */
  readonly cached: boolean
  readonly seconds: number
}

import type { Target } from '@whittle/ir'

/** The number format of an alternative. */
export type Format = { readonly name: string; readonly bits?: number; readonly float16?: boolean; readonly cluster?: number | 'auto' }

/** What one alternative asks for, before targets. */
export interface Alternative {
  format?: Format
  /** Share of the rank that layers keep; undefined where `factorize.energy` and its like say what they keep. */
  rank?: number
  prune?: { ratio?: number; scope?: 'tensor' | 'global'; pattern?: string }
  /** Whole channels that go: a share of them, or all but a share of the multiply-accumulates. */
  channels?: { ratio?: number; macs?: number; scope?: 'global' }
  /** Steps of each kind of training. */
  training?: { finetune?: number; distill?: number; qat?: number }
  /** Options of transforms by name: `quantize.range`. */
  options: Record<string, string>
}

/** `onnx` is onnxruntime-web, `tfjs` the WebAssembly of TensorFlow.js. */
export type RuntimeName = 'onnx' | 'tfjs'

/** What the import gives to the app. */
export type Output = 'model' | 'url' | 'manifest' | 'report'

/** A query, understood. */
export interface Request {
  alternatives: Alternative[]
  targets?: Target[]
  calibrate?: string
  train?: string
  /** The path of the model that is followed. */
  teacher?: string
  evaluate?: string
  metric?: string
  /** Points of the metric. */
  drop?: number
  /** Fixed sizes of the inputs' dimensions, in order; one list for each input. */
  input?: number[][]
  /** dB */
  sqnr?: number
  /** Bytes after brotli. */
  max?: number
  /** Which runtimes execute what runs in WebAssembly; undefined: the smaller one, where it covers the model and is fast enough. */
  runtimes?: RuntimeName[]
  output: Output
}

/** One row of the directive table. */
export interface Directive {
  readonly name: string
  /** How the value looks, for messages and docs; absent for a bare word. */
  readonly value?: string
  readonly meaning: string
  readonly example: string
  /** Directives of one group exclude each other; by default each is a group of its own. */
  readonly group?: string
  /** Whether `;` gives alternatives that multiply into variants. */
  readonly multiplies?: boolean
  /** A directive of the design that this version does not have. */
  readonly planned?: boolean
  /** @returns false when the value is not of the form that {@link value} names. */
  apply?(value: string, into: Alternative, request: Request): boolean
}

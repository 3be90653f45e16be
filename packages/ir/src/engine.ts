import type { Model } from './model.ts'
import type { Tensor } from './tensor.ts'

/** Named tensors: the inputs or the outputs of one run. */
export type Tensors = Record<string, Tensor>

/** Runs models at build time. */
export interface Engine {
  /** `native`, `wasm`. */
  readonly name: string
  /** Name and version of what computes, and of the CPU's features where results depend on them: part of the cache's key. */
  readonly key: string
  /**
   * @param model an IR model, or the bytes of a self-contained ONNX file.
   * @throws {UnsupportedError} when the engine refuses the model, with its reason.
   */
  open(model: Model | Uint8Array, options?: SessionOptions): Promise<EngineSession>
}

export interface SessionOptions {
  /** Names of inner values whose tensors each run gives beside the outputs. Only for IR models. */
  capture?: readonly string[]
  /** 'none' keeps the engine from fusing nodes; 'all' is the default. */
  optimization?: 'none' | 'all'
  /** Threads within a node; 1 by default for `wasm`, all cores for `native`. */
  threads?: number
}

export interface EngineSession {
  readonly inputNames: readonly string[]
  /** Captured values come after the model's own outputs. */
  readonly outputNames: readonly string[]
  /** @throws {DatasetError} when an input is missing, unknown, or of the wrong type or shape. */
  run(inputs: Tensors): Promise<Tensors>
  dispose(): Promise<void>
}

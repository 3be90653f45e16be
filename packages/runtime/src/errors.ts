/** What happened to one variant while a model was loaded. */
export interface Decision {
  /** The target's name: `webgpu-f16`. */
  readonly target: string
  /** The variant's id: `fp16-webgpu-f16`. */
  readonly variant: string
  /**
   * `chosen`: it runs. `unavailable`: the device lacks something. `failed`: the device has all of it, and loading went wrong.
   * `skipped`: never tried.
   */
  readonly outcome: 'chosen' | 'unavailable' | 'failed' | 'skipped'
  readonly reason: string
}

/** What all errors of the loader have. `code` is permanent. */
class CodedError extends Error {
  readonly code: string

  constructor(name: string, code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = name
    this.code = code
  }
}

/**
 * A model could not be loaded. `code` is permanent: `LOAD_FAILED` (no variant could be started: `decisions` holds each one's reason),
 * `NO_VARIANT` (`devices` leaves none), `MANIFEST_NEWER`, `WORKER_FAILED`, and in the `cause` of a `LOAD_FAILED`: `NETWORK`, `HTTP_STATUS`, `NOT_A_MODEL`,
 * `WRONG_SIZE`, `WRONG_HASH`, `RUNTIME_MISSING`, `RUNTIME_FAILED`, `SESSION_FAILED`, `WRONG_ANSWER`.
 */
export class LoadError extends CodedError {
  readonly decisions: readonly Decision[]

  constructor(code: string, message: string, options?: { cause?: unknown; decisions?: readonly Decision[] }) {
    super('LoadError', code, message, options)
    this.decisions = options?.decisions ?? []
  }
}

/** `load()` was called where models cannot run: on a server. `code` is `SERVER`. */
export class UnsupportedError extends CodedError {
  constructor(code: string, message: string) {
    super('UnsupportedError', code, message)
  }
}

/**
 * A run was refused or failed. `code` is permanent: `INPUT_UNKNOWN`, `INPUT_MISSING`, `INPUT_TYPE`, `INPUT_RANK`, `INPUT_DIM`, `INPUT_SIZE`,
 * `DISPOSED`, `RUN_FAILED`, `TENSOR_INVALID`; of pictures `IMAGE_EMPTY`, `IMAGE_TAINTED`, `IMAGE_INVALID`, `IMAGE_OPTION`, `IMAGE_TENSOR`;
 * of streams `STREAM_OPTION`, `STREAM_INPUT`.
 */
export class RunError extends CodedError {
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super('RunError', code, message, options)
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

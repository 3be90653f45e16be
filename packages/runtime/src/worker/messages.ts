import { LoadError, RunError, UnsupportedError } from '../errors.ts'
import type { LoadOptions } from '../model.ts'
import type { LoadProgress } from '../progress.ts'
import type { Session, TensorMap } from '../session.ts'

/** What of a load's options can cross to a worker as it is. */
export type WorkerOptions = Omit<LoadOptions, 'ort' | 'adapt' | 'onProgress' | 'signal'>

/** From the page. A session is named by the `id` of the request that loaded it. */
export type Request = { readonly id: number } & (
  | { readonly call: 'load'; readonly options: WorkerOptions }
  | { readonly call: 'abort'; readonly load: number; readonly reason: unknown }
  | { readonly call: 'run'; readonly session: number; readonly inputs: TensorMap }
  | { readonly call: 'dispose'; readonly session: number }
)

/** What a session says of itself; after a run as well, since a device can be lost. */
export type State = Pick<Session, 'device' | 'variant' | 'decisions' | 'bytes'>

/** To the page, about the request of that `id`. */
export type Answer = { readonly id: number } & (
  | { readonly progress: LoadProgress }
  | { readonly state?: State; readonly outputs?: TensorMap; readonly done: true }
  | { readonly error: Told }
)

/** An error of the loader as it crosses: cloning keeps no more of one than name and message. */
export interface Told {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly decisions?: LoadError['decisions']
  readonly cause?: Told
  /** What was thrown, where it is no error of the loader: a signal's reason. */
  readonly other?: unknown
}

export function tell(error: unknown): Told {
  if (!(error instanceof LoadError || error instanceof RunError || error instanceof UnsupportedError))
    return { name: error instanceof Error ? error.name : '', message: error instanceof Error ? error.message : String(error), other: error }
  const { name, message, code, cause } = error
  return {
    name,
    message,
    code,
    ...(error instanceof LoadError ? { decisions: error.decisions } : {}),
    ...(cause ? { cause: tell(cause) } : {}),
  }
}

export function told({ name, message, code, decisions, cause, other }: Told): unknown {
  if (!code) return other
  const options = cause ? { cause: told(cause) } : {}
  if (name === 'LoadError') return new LoadError(code, message, { ...options, decisions: decisions ?? [] })
  return name === 'RunError' ? new RunError(code, message, options) : new UnsupportedError(code, message)
}

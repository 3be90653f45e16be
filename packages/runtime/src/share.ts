import { RunError } from './errors.ts'
import type { LoadOptions } from './model.ts'
import type { LoadProgress } from './progress.ts'
import type { Session, TensorMap } from './session.ts'

/** What can be shared: a `Model`, or a `WorkerModel`. */
interface Loadable {
  load(options?: never): Promise<Session<never, unknown>>
}

type Load = (options?: LoadOptions) => Promise<Session>

/** What callers must have in common to share a session. */
type Terms = readonly [
  devices: string | undefined,
  check: boolean,
  ort: LoadOptions['ort'],
  runtimeBase: string | undefined,
  adapt: LoadOptions['adapt'],
]

/** One loading, and the session that it gives. */
interface Shared {
  readonly terms: Terms
  readonly loading: Promise<Session>
  /** Ends the loading. */
  readonly abort: (reason: unknown) => void
  readonly listeners: Set<(progress: LoadProgress) => void>
  /** What was heard last. */
  progress: LoadProgress | undefined
  /** Callers that wait, and callers that have not disposed of what they were given. */
  users: number
}

const models = new WeakMap<object, Loadable>()

/**
 * The model with one session for all who load it at a time, such as the components of an app: the first `load()` starts it, others join it,
 * and the memory is freed when the last of them has called `dispose()`. Loads with other `devices`, `check`, `ort` or `runtimeBase` have
 * another session. Sharing a model again, in another module of the app, gives the same shared model.
 *
 * - `onProgress` of one who joins is given what is known so far, then every event. Where it throws, its own caller's `load()` rejects.
 * - `signal` ends its own caller's waiting. The loading is aborted when nobody waits for it any more.
 * - `dispose()` counts once a caller; a run after one's own rejects with `DISPOSED`, also while others go on.
 * - A load that failed is not remembered, nor is a session that all have disposed of: a later `load()` starts anew.
 *
 * @param model a `Model`, or a `WorkerModel`.
 * @example
 * const session = await shareModel(model).load() // in as many components as like
 */
export function shareModel<M extends Loadable>(model: M): M {
  const known = models.get(model) as M | undefined
  if (known) return known
  const shared: M = { ...model, load: sharedLoad(model.load.bind(model) as Load) }
  models.set(model, shared)
  models.set(shared, shared)
  return shared
}

function sharedLoad(load: Load): Load {
  const all = new Set<Shared>()

  const start = (options: LoadOptions, terms: Terms): Shared => {
    const controller = new AbortController()
    const listeners: Shared['listeners'] = new Set()
    const onProgress = (progress: LoadProgress): void => {
      shared.progress = progress
      for (const listener of listeners) listener(progress)
    }
    // After a tick, so that all is in place for what a load does at once.
    const loading = Promise.resolve().then(() => load({ ...options, signal: controller.signal, onProgress }))
    const shared: Shared = { terms, loading, listeners, abort: (reason) => controller.abort(reason), progress: undefined, users: 0 }
    all.add(shared)
    loading.catch(() => all.delete(shared))
    return shared
  }

  /** One caller less. @returns whether it was the last, after which nobody can join. */
  const leave = (shared: Shared): boolean => --shared.users === 0 && all.delete(shared)

  return async ({ signal, onProgress, ...options } = {}) => {
    signal?.throwIfAborted()
    const { devices, check, ort, runtimeBase, adapt } = options
    const terms: Terms = [devices && JSON.stringify(devices), check !== false, ort, runtimeBase, adapt]
    const shared = [...all].find((other) => other.terms.every((term, index) => term === terms[index])) ?? start(options, terms)
    shared.users++
    let listener: ((progress: LoadProgress) => void) | undefined
    let abort: (() => void) | undefined
    try {
      const session = await new Promise<Session>((resolve, reject) => {
        abort = () => reject(signal!.reason)
        signal?.addEventListener('abort', abort)
        listener = (progress) => {
          try {
            onProgress?.(progress)
          } catch (error) {
            shared.listeners.delete(listener!)
            reject(error)
          }
        }
        shared.listeners.add(listener)
        if (shared.progress) listener(shared.progress)
        shared.loading.then(resolve, reject)
      })
      return handleOf(session, () => leave(shared))
    } catch (error) {
      if (leave(shared)) {
        shared.abort(error)
        // It may have been there just before.
        shared.loading.then((session) => session.dispose()).catch(() => undefined)
      }
      throw error
    } finally {
      shared.listeners.delete(listener!)
      signal?.removeEventListener('abort', abort!)
    }
  }
}

/** One caller's own hold on a session. */
function handleOf(session: Session, leave: () => boolean): Session {
  const running = new Set<Promise<unknown>>()
  let disposed: Promise<void> | undefined
  return {
    run: async (inputs: TensorMap) => {
      if (disposed) throw new RunError('DISPOSED', 'this session was disposed of; load the model again to run it')
      const run = session.run(inputs)
      running.add(run)
      return run.finally(() => running.delete(run))
    },
    get device() {
      return session.device
    },
    get variant() {
      return session.variant
    },
    get decisions() {
      return session.decisions
    },
    get bytes() {
      return session.bytes
    },
    dispose: () => (disposed ??= leave() ? session.dispose() : Promise.allSettled(running).then(() => undefined)),
  }
}

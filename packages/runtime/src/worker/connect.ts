import { LoadError, RunError } from '../errors.ts'
import type { LoadOptions, Model } from '../model.ts'
import type { LoadProgress } from '../progress.ts'
import type { Session, TensorMap } from '../session.ts'
import { told, type Answer, type Request, type State } from './messages.ts'

/** A model that a worker loads and runs. */
export interface WorkerModel<Inputs = TensorMap, Outputs = TensorMap> {
  /**
   * As `Model.load`, with everything done in the worker. The inputs of a run are copied to it, and outputs are moved back.
   * @throws {LoadError} also `WORKER_FAILED`, where the worker's own code did not start.
   */
  load(options?: Omit<LoadOptions, 'ort' | 'adapt'>): Promise<Session<Inputs, Outputs>>
}

type Unsent<R> = R extends unknown ? Omit<R, 'id'> : never
type Done = Extract<Answer, { done: true }>

interface Waiting {
  resolve(answer: Done): void
  reject(error: unknown): void
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
}

/**
 * On the page: the model that a worker serves with `serveModel`, so that the page stays responsive. The worker stays the page's to end.
 * @example const net = workerModel<Net>(new Worker(new URL('./net.worker.ts', import.meta.url), { type: 'module' }))
 */
export function workerModel<M extends Model<never, unknown>>(
  worker: Worker,
): M extends Model<infer Inputs, infer Outputs> ? WorkerModel<Inputs, Outputs> : never {
  const waiting = new Map<number, Waiting>()
  let ids = 0
  let dead: LoadError | undefined

  worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
    const one = waiting.get(data.id)
    if ('progress' in data) return one?.onProgress?.(data.progress)
    waiting.delete(data.id)
    if ('error' in data) one?.reject(told(data.error))
    else one?.resolve(data)
  })
  worker.addEventListener('error', ({ message }) => {
    dead = new LoadError('WORKER_FAILED', `the worker that serves the model failed: ${message || 'its script could not be loaded'}`)
    for (const one of waiting.values()) one.reject(dead)
    waiting.clear()
  })

  function ask(request: Unsent<Request>, onProgress?: Waiting['onProgress'], id = ids++): Promise<Done> {
    return new Promise((resolve, reject) => {
      if (dead) return reject(dead)
      waiting.set(id, { resolve, reject, onProgress })
      worker.postMessage({ ...request, id })
    })
  }

  const load = async ({ signal, onProgress, ...options }: LoadOptions = {}): Promise<Session> => {
    signal?.throwIfAborted()
    const id = ids++
    const abort = () => void ask({ call: 'abort', load: id, reason: signal!.reason })
    signal?.addEventListener('abort', abort)
    const { state } = await ask({ call: 'load', options }, onProgress, id).finally(() => signal?.removeEventListener('abort', abort))
    return sessionOf(id, state!, ask)
  }
  return { load } as never
}

function sessionOf(id: number, state: State, ask: (request: Unsent<Request>) => Promise<Done>): Session {
  let disposed: Promise<void> | undefined
  const session = {
    ...state,
    run: async (inputs: TensorMap): Promise<TensorMap> => {
      if (disposed) throw new RunError('DISPOSED', 'this session was disposed of; load the model again to run it')
      const { outputs, state: now } = await ask({ call: 'run', session: id, inputs })
      Object.assign(session, now)
      return outputs!
    },
    // What a worker held that has ended is free.
    dispose: () => (disposed ??= ask({ call: 'dispose', session: id }).then(nothing, nothing)),
  }
  return session
}

function nothing(): void {}

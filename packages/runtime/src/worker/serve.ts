import type { Model } from '../model.ts'
import type { Session, TensorMap } from '../session.ts'
import { tell, type Answer, type Request, type State } from './messages.ts'

/** The worker's end of its channel. */
interface Scope {
  addEventListener(type: 'message', listener: (event: MessageEvent<Request>) => void): void
  postMessage(answer: Answer, transfer?: Transferable[]): void
}

/** In a worker: loads and runs a model for the page that made the worker, which calls `workerModel`. */
export function serveModel<Inputs, Outputs>(model: Model<Inputs, Outputs>): void {
  const scope = globalThis as unknown as Scope
  const sessions = new Map<number, Session<Inputs, Outputs>>()
  const loads = new Map<number, AbortController>()

  async function answer(request: Request): Promise<[Omit<Extract<Answer, { done: true }>, 'id' | 'done'>, Transferable[]?]> {
    switch (request.call) {
      case 'load': {
        const controller = new AbortController()
        loads.set(request.id, controller)
        const { id } = request
        const onProgress = (progress: Extract<Answer, { progress: unknown }>['progress']) => scope.postMessage({ id, progress })
        const session = await model.load({ ...request.options, signal: controller.signal, onProgress }).finally(() => loads.delete(id))
        sessions.set(id, session)
        return [{ state: stateOf(session) }]
      }
      case 'run': {
        const session = sessions.get(request.session)!
        const outputs = (await session.run(request.inputs as Inputs)) as TensorMap
        return [{ outputs, state: stateOf(session) }, buffersOf(outputs)]
      }
      case 'dispose':
        await sessions.get(request.session)!.dispose()
        return [{}]
      case 'abort':
        loads.get(request.load)?.abort(request.reason)
        return [{}]
    }
  }

  scope.addEventListener('message', ({ data: request }) => {
    const { id } = request
    answer(request).then(
      ([result, transfer]) => scope.postMessage({ id, done: true, ...result }, transfer),
      (error) => scope.postMessage({ id, error: tell(error) }),
    )
  })
}

function stateOf({ device, variant, decisions, bytes }: State): State {
  return { device, variant, decisions, bytes }
}

/** The buffers of outputs, moved instead of copied: nobody else has them. */
function buffersOf(outputs: TensorMap): Transferable[] {
  const buffers = Object.values(outputs).flatMap(({ data }) => (Array.isArray(data) ? [] : [data.buffer as ArrayBuffer]))
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer)
}

import { type Engine, UnsupportedError, messageOf } from '@whittle/ir'
import { versionOf } from './version.ts'
import { type Ort, createQueue, openSession } from './session.ts'

/** How {@link wasmEngine} runs. */
export interface WasmEngineOptions {
  /** Threads within a node; 1 by default. There is one WebAssembly memory in a process: the first session settles the number for all. */
  threads?: number
}

/**
 * Runs models with onnxruntime-web's WebAssembly in Node: the browser's own arithmetic, one thread by default. All that is reported of
 * a variant's accuracy is measured with it. All engines of a process share one WebAssembly memory, whose runs wait for one another.
 */
export function wasmEngine(options: WasmEngineOptions = {}): Engine {
  return {
    name: 'wasm',
    key: `onnxruntime-web@${versionOf('onnxruntime-web')} wasm`,
    async open(model, session = {}) {
      const ort = await load(session.threads ?? options.threads ?? 1)
      return await openSession(ort, 'wasm', 'wasm', model, session, queue)
    },
  }
}

const queue = createQueue()

let loaded: { ort: Promise<Ort>; threads: number } | undefined

function load(threads: number): Promise<Ort> {
  if (loaded && loaded.threads !== threads)
    throw new UnsupportedError(
      'ENGINE_THREADS',
      `onnxruntime-web's wasm runs with ${loaded.threads} thread(s) in this process already and cannot change to ${threads}; use another process`,
    )
  loaded ??= { threads, ort: importWeb(threads) }
  return loaded.ort
}

async function importWeb(threads: number): Promise<Ort> {
  try {
    const web = await import('onnxruntime-web')
    web.env.wasm.numThreads = threads
    web.env.logLevel = 'fatal'
    return web
  } catch (error) {
    loaded = undefined
    throw new UnsupportedError(
      'ENGINE_MISSING',
      `onnxruntime-web cannot be loaded: ${messageOf(error).split('\n')[0]}; run npm install again`,
      {
        cause: error,
      },
    )
  }
}

import { type CompiledModule, type Memory, webAssembly } from './web-assembly.ts'

/** What TensorFlow.js's WebAssembly gives out: memory, its allocator, a registry of tensors by number, and kernels by name. */
export interface Wasm {
  readonly memory: Memory
  malloc(bytes: number): number
  free(at: number): void
  register_tensor(id: number, size: number, at: number): void
  dispose_data(id: number): void
  readonly [kernel: string]: unknown
}

const PAGE = 65536

/**
 * Starts the WebAssembly of `@tensorflow/tfjs-backend-wasm` with SIMD and one thread, without its JavaScript: what that file asks of its
 * surroundings is seven functions.
 * @param binary `tfjs-backend-wasm-simd.wasm`, or the same compiled.
 */
export async function startWasm(binary: Uint8Array | CompiledModule): Promise<Wasm> {
  let memory = undefined as unknown as Memory
  const env = {
    abort: (): never => {
      throw new Error('the WebAssembly of TensorFlow.js gave up')
    },
    emscripten_memcpy_big: (to: number, from: number, bytes: number): void => {
      new Uint8Array(memory.buffer).copyWithin(to >>> 0, from >>> 0, (from >>> 0) + (bytes >>> 0))
    },
    emscripten_get_heap_max: (): number => 65535 * PAGE,
    // By a fifth more than is asked for, so that it is rare.
    emscripten_resize_heap: (bytes: number): boolean => {
      const more = (bytes >>> 0) - memory.buffer.byteLength
      for (const extra of [0.2, 0.05, 0])
        try {
          memory.grow(Math.ceil((more + extra * memory.buffer.byteLength) / PAGE))
          return true
        } catch {
          // Less, then.
        }
      return false
    },
  }
  const none = (): number => 0
  const wasi = { fd_close: none, fd_seek: none, fd_write: none }
  const module = binary instanceof Uint8Array ? await webAssembly.compile(binary) : binary
  const { exports } = await webAssembly.instantiate(module, { env, wasi_snapshot_preview1: wasi })
  const wasm = exports as Wasm & { __wasm_call_ctors(): void; init(): void }
  memory = wasm.memory
  wasm.__wasm_call_ctors()
  wasm.init()
  return wasm
}

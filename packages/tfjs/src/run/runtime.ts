import { decodeWeights } from '@whittle/codec/decode'
import type { Kernel } from './kernel.ts'
import type { Program } from './program.ts'
import { type Elements, type ProgramSession, startProgram } from './session.ts'
import { type CompiledModule, webAssembly } from './web-assembly.ts'

/** A tensor as onnxruntime-web's interface has it. */
class PlainTensor {
  readonly type: string
  readonly data: Elements
  readonly dims: readonly number[]

  constructor(type: string, data: Elements, dims: readonly number[]) {
    this.type = type
    this.data = data
    this.dims = dims
  }
}

interface Environment {
  logLevel?: string
  wasm: { wasmPaths?: { wasm: string }; wasmBinary?: Uint8Array; numThreads?: number }
}

/** A session in the form of onnxruntime-web's. */
export interface RuntimeSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  run(feeds: Readonly<Record<string, PlainTensor>>): Promise<Record<string, PlainTensor>>
  release(): Promise<void>
}

/** What of onnxruntime-web's interface the loader uses. */
export interface TfjsRuntime {
  readonly env: Environment
  readonly Tensor: typeof PlainTensor
  readonly InferenceSession: { create(file: Uint8Array): Promise<RuntimeSession> }
}

/**
 * TensorFlow.js's WebAssembly behind the part of onnxruntime-web's interface that the loader uses: a file is a weight file with a program in
 * it. Like there, `env.wasm` says where the WebAssembly is, or holds it.
 * @param kernels what calls the kernels, by their names: at least those that the programs name.
 */
export function createRuntime(kernels: Readonly<Record<string, Kernel>>): TfjsRuntime {
  const env: Environment = { wasm: {} }
  let compiled: Promise<CompiledModule> | undefined
  /** Compiled once; every session has a memory of its own, which goes with it. */
  const compile = async (): Promise<CompiledModule> => {
    const { wasmBinary, wasmPaths } = env.wasm
    if (wasmBinary) return await webAssembly.compile(wasmBinary)
    const response = await fetch(wasmPaths!.wasm)
    if (!response.ok) throw new Error(`${wasmPaths!.wasm}: ${response.status} ${response.statusText}`)
    return await webAssembly.compile(new Uint8Array(await response.arrayBuffer()))
  }
  return {
    env,
    Tensor: PlainTensor,
    InferenceSession: {
      async create(file) {
        compiled ??= compile()
        compiled.catch(() => (compiled = undefined))
        const { program, tensors } = decodeWeights(file)
        const weightOf = (name: string) => tensors.get(name)!
        return sessionOf(
          program as unknown as Program,
          await startProgram(await compiled, program as unknown as Program, weightOf, kernels),
        )
      },
    },
  }
}

function sessionOf({ inputs, outputs }: Program, session: ProgramSession): RuntimeSession {
  return {
    inputNames: inputs.map(([name]) => name),
    outputNames: outputs.map(([name]) => name),
    run: async (feeds) => {
      const results = session.run(feeds)
      return Object.fromEntries(outputs.map(([name, type]) => [name, new PlainTensor(type, results[name]!.data, results[name]!.dims)]))
    },
    release: async () => session.dispose(),
  }
}

import type { Kernel } from './kernel.ts'
import { BOOL, FLOAT32, INT32, Machine, type Tensor, type Type, type Value, sizeOf } from './machine.ts'
import { PROGRAM_FORMAT, type PortType, type Program } from './program.ts'
import { startWasm } from './wasm.ts'
import type { CompiledModule } from './web-assembly.ts'

/** The elements of a tensor, as the browser's runtimes give them. */
export type Elements = Float32Array | Int32Array | Uint8Array | Int8Array | BigInt64Array

export interface RunTensor {
  readonly dims: readonly number[]
  readonly data: Elements
}

/** A decoded tensor of the weight file. */
export interface WeightTensor {
  readonly type: string
  readonly dims: readonly number[]
  readonly bytes: Uint8Array
}

export interface ProgramSession {
  /** Inputs and outputs by name; their types are those of the program's ports. */
  run(inputs: Readonly<Record<string, RunTensor>>): Record<string, RunTensor>
  /** Frees all memory; the session cannot be used afterwards. */
  dispose(): void
}

/**
 * Loads a program on TensorFlow.js's WebAssembly.
 * @param binary `tfjs-backend-wasm-simd.wasm`, or the same compiled.
 * @param weights by the names that the program reads; float32, float16, int32 or bool.
 * @param kernels what calls the kernels, by their names: at least those that the program names.
 */
export async function startProgram(
  binary: Uint8Array | CompiledModule,
  program: Program,
  weights: (name: string) => WeightTensor,
  kernels: Readonly<Record<string, Kernel>>,
): Promise<ProgramSession> {
  if (program.format > PROGRAM_FORMAT) throw new Error(`the program has the form ${program.format}; this runtime reads ${PROGRAM_FORMAT}`)
  return new Running(new Machine(await startWasm(binary)), program, weights, kernels)
}

class Running implements ProgramSession {
  #machine: Machine | undefined
  readonly #program: Program
  readonly #kernels: Readonly<Record<string, Kernel>>
  readonly #weights: Tensor[]
  /** Values that nobody reads after a step. */
  readonly #last: number[][]

  constructor(machine: Machine, program: Program, weights: (name: string) => WeightTensor, kernels: Readonly<Record<string, Kernel>>) {
    this.#machine = machine
    this.#program = program
    this.#kernels = kernels
    this.#weights = program.weights.map(([name, dims]) => {
      const { type, bytes } = weights(name)
      const tensor = machine.make(dims, type === 'float16' ? FLOAT32 : typeOf(type))
      const view = machine.view(tensor)
      if (type === 'float16') view.set(fromHalf(bytes))
      else new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(bytes)
      return tensor
    })
    this.#last = lastReads(program)
  }

  run(inputs: Readonly<Record<string, RunTensor>>): Record<string, RunTensor> {
    const machine = this.#machine
    if (!machine) throw new Error('the session was disposed')
    const { steps, outputs, inputs: ports } = this.#program
    const values: (Value | undefined)[] = [...this.#weights]
    const first = values.length + ports.length
    try {
      for (const [name, type] of ports) values.push(fill(machine, inputs[name]!, type))
      steps.forEach(([name, read, attributes = {}], at) => {
        const operands = read.map((value) => (value === null ? null : values[value]!))
        values.push(this.#kernels[name]!(machine, name, operands, attributes))
        for (const value of this.#last[at]!) {
          machine.release(values[value]!)
          values[value] = undefined
        }
      })
      return Object.fromEntries(outputs.map(([name, type, value]) => [name, read(machine, values[value]!, type)]))
    } finally {
      values.forEach((value, at) => value && at >= this.#weights.length && at < first + steps.length && machine.release(value))
    }
  }

  dispose(): void {
    this.#machine?.call('dispose')
    this.#machine = undefined
  }
}

/** For each step, the values whose last reader it is; never weights nor outputs. */
function lastReads({ weights, inputs, steps, outputs }: Program): number[][] {
  const kept = new Set(outputs.map(([, , value]) => value))
  const first = weights.length + inputs.length
  const last = new Map<number, number>()
  steps.forEach(([, read], at) => {
    last.set(first + at, at)
    for (const value of read) if (value !== null && value >= weights.length) last.set(value, at)
  })
  const result: number[][] = steps.map(() => [])
  for (const [value, at] of last) if (!kept.has(value)) result[at]!.push(value)
  return result
}

/** Numbers of float16, IEEE 754's binary16. */
function fromHalf(bytes: Uint8Array): Float32Array {
  const { byteLength, buffer, byteOffset } = bytes
  const view = new DataView(buffer, byteOffset)
  return Float32Array.from({ length: byteLength / 2 }, (_, at) => {
    const bits = view.getUint16(2 * at, true)
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
    const size =
      exponent === 31 ? (fraction ? NaN : Infinity) : exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction
    return bits & 0x8000 ? -size : size
  })
}

function typeOf(port: string): Type {
  if (port === 'float32') return FLOAT32
  return port === 'bool' ? BOOL : INT32
}

function fill(machine: Machine, { dims, data }: RunTensor, type: PortType): Tensor {
  const tensor = machine.make(dims, typeOf(type))
  const view = machine.view(tensor)
  if (data instanceof BigInt64Array) for (let at = 0; at < data.length; at++) view[at] = Number(data[at])
  else view.set(data as ArrayLike<number>)
  return tensor
}

function read(machine: Machine, value: Value, type: PortType): RunTensor {
  const numbers = value.ints ?? machine.view(value)
  return { dims: [...value.shape], data: copyOf(numbers as ArrayLike<number>, type, sizeOf(value.shape)) }
}

function copyOf(numbers: ArrayLike<number>, type: PortType, size: number): Elements {
  switch (type) {
    case 'float32':
      return Float32Array.from(numbers)
    case 'int64':
      return BigInt64Array.from({ length: size }, (_, at) => BigInt(numbers[at]!))
    case 'int32':
      return Int32Array.from(numbers)
    case 'int8':
      return Int8Array.from(numbers)
    default:
      return Uint8Array.from(numbers)
  }
}

import { ModelError, UnsupportedError } from '@whittle/ir'
import type { FlatTable } from './flat.ts'
import type { Row } from './ops/row.ts'
import { TABLES } from './schema/tables.ts'

/** A node of the file: its op, its options, and the numbers of the tensors that it reads and gives. */
export class Op {
  /** `CONV_2D`, or the name of a custom op. */
  readonly name: string
  readonly label: string
  readonly row: Row
  /** -1 where an optional input is left out. */
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly customOptions: Uint8Array | undefined
  readonly #options: FlatTable | undefined

  constructor(
    name: string,
    label: string,
    row: Row,
    tensors: { inputs: readonly number[]; outputs: readonly number[] },
    options: { table: FlatTable | undefined; custom: Uint8Array | undefined },
  ) {
    this.name = name
    this.label = label
    this.row = row
    this.inputs = tensors.inputs
    this.outputs = tensors.outputs
    this.customOptions = options.custom
    this.#options = options.table
  }

  /** An input that must be there. */
  input(index: number): number {
    const ref = this.inputs[index] ?? -1
    if (ref < 0) throw this.fail(`it has no input ${index}`)
    return ref
  }

  optional(index: number): number | undefined {
    const ref = this.inputs[index] ?? -1
    return ref < 0 ? undefined : ref
  }

  output(index = 0): number {
    const ref = this.outputs[index] ?? -1
    if (ref < 0) throw this.fail(`it has no output ${index}`)
    return ref
  }

  number(name: string): number {
    return this.#options ? this.#options.number(name) : Number(TABLES[this.row.options!]![name]![2])
  }

  flag(name: string): boolean {
    return this.number(name) !== 0
  }

  numbers(name: string): number[] {
    return this.#options?.numbers(name) ?? []
  }

  hasOption(name: string): boolean {
    return this.#options?.has(name) ?? false
  }

  /** Says that the model contradicts itself. */
  fail(why: string): ModelError {
    return new ModelError('TFLITE_INVALID', `${this.label}: ${why}; convert the model again`)
  }

  /** Says what this version cannot read. */
  refuse(why: string): UnsupportedError {
    return new UnsupportedError('TFLITE_UNSUPPORTED', `${this.label}: ${why}`)
  }
}

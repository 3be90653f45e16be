/** The version of the program's form. An older runtime refuses a newer one by name. */
export const PROGRAM_FORMAT = 1

/** Element types of TensorFlow.js's kernels; an `int64` of a model is an int32 here, and is turned at the border. */
export type PortType = 'float32' | 'int32' | 'int64' | 'bool' | 'uint8' | 'int8'

/**
 * One call of a kernel: its name, the values that it reads (null: none), and its attributes. What it gives is the next value.
 */
export type Step = readonly [kernel: string, inputs: readonly (number | null)[], attributes?: Attributes]

export type Attributes = Readonly<Record<string, number | string | boolean | readonly number[]>>

/**
 * A model as a list of kernel calls. Values are numbered: first the weights, then the inputs, then what each step gives.
 * Plain JSON, small after compression; the weights lie beside it.
 */
export interface Program {
  readonly format: number
  /** Names of the weights' tensors, and the dims in which the steps read them. */
  readonly weights: readonly (readonly [name: string, dims: readonly number[]])[]
  readonly inputs: readonly (readonly [name: string, type: PortType])[]
  readonly steps: readonly Step[]
  readonly outputs: readonly (readonly [name: string, type: PortType, value: number])[]
}

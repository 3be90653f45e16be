import type { ElementType, Source } from '@whittle/ir'

/** Versions of an operator set from the first to the last; null: every later one. */
export type OpsetRange = readonly [first: number, last: number | null]

/** A row of an operator list: an op that a provider has kernels for. */
export interface Operator {
  readonly op: string
  /** By domain, `ai.onnx` written out; `com.ms.internal.nhwc` is what the runtime makes of an op by itself. */
  readonly opsets: Readonly<Record<string, readonly OpsetRange[]>>
  /** The ops of the WebNN API that it becomes. */
  readonly webnn?: readonly string[]
  /** What the list says of it, in its words. */
  readonly comments?: string
}

/** A list that ships with onnxruntime-web. */
export interface OperatorList {
  readonly source: Source
  readonly rows: readonly Operator[]
}

/**
 * What a provider asks of the nodes of some ops, beyond the versions in its list. A node that does not meet it runs on the CPU, unless
 * `fatal` says that no session can be made.
 */
export interface OperatorLimit {
  readonly provider: 'wasm' | 'webgpu' | 'webnn'
  /** Known of this kind of device only. */
  readonly deviceType?: 'cpu' | 'gpu' | 'npu'
  /** As the op table names them. */
  readonly ops: readonly string[]
  /** In the place of what the list says: the versions of the op for which there are kernels. */
  readonly versions?: readonly OpsetRange[]
  /** Element types that an input (by index) may have. */
  readonly inputTypes?: Readonly<Record<number, readonly ElementType[]>>
  /** Element types that the first output may have. */
  readonly outputTypes?: readonly ElementType[]
  /** How many dimensions the first input may have. */
  readonly ranks?: readonly number[]
  /** Inputs (by index) that have to be constants where they are given. */
  readonly constants?: readonly number[]
  /** Inputs that must not be given. */
  readonly absent?: readonly number[]
  /** Inputs that have to be given. */
  readonly given?: readonly number[]
  /** Outputs after these must not be asked for. */
  readonly outputs?: number
  /** Values that an attribute may have where it is given; none: it must not be given. */
  readonly attributes?: Readonly<Record<string, readonly (number | string)[]>>
  readonly fatal?: true
  readonly source: Source
}

/** Inputs and outputs that lie in the CPU's memory though the node runs on the provider: reading them there crosses nothing. */
export interface HostValues {
  readonly provider: 'webgpu' | 'webnn'
  readonly ops: readonly string[]
  readonly inputs?: readonly number[]
  readonly outputs?: readonly number[]
  readonly source: Source
}

import type { Lowering } from '../lowering.ts'

/** What Whittle knows of an op of TensorFlow Lite. */
export interface Row {
  /** The table of its options in the schema; absent where it reads none. */
  readonly options?: string
  /** What is not read, for the documentation. */
  readonly limits?: string
  /** Emits `l.op`, and gives its outputs. */
  readonly lower: (l: Lowering) => void
}

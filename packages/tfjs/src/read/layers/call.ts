import type { Tensor, Value } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'
import type { Fields } from '../json.ts'

/** One call of a layer: a layer that is shared is called more than once. */
export interface LayerCall {
  readonly e: Emitter
  readonly name: string
  readonly className: string
  readonly config: Fields
  readonly inputs: readonly Value[]
  /** The first input. @throws {ModelError} when there is none. */
  readonly x: Value
  /** A weight of this layer by the end of its name, `kernel`. @throws {ModelError} when it is missing. */
  weight(end: string): Value
  /** The same as a tensor. */
  tensor(end: string): Tensor
  /** Runs another layer, whose weights stand under this one's. */
  inner(layer: Fields, inputs: readonly Value[], under?: string): readonly Value[]
}

/** Emits what a layer does. */
export type LayerRule = (call: LayerCall) => Value | readonly Value[]

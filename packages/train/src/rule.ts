import type { Node, Value } from '@whittle/ir'
import type { Builder } from './builder.ts'

/** What a rule is given: the node, and the gradient of what it gives. */
export interface Backward {
  readonly node: Node
  readonly b: Builder
  /** Input `index`, of the forward pass. @throws when it is left out. */
  x(index: number): Value
  /** The first output, of the forward pass. */
  readonly y: Value
  /** The gradient of the first output. */
  readonly dy: Value
  /** The gradient of output `index`; undefined where the loss does not depend on it. */
  gradientOf(index: number): Value | undefined
  /** Whether the gradient of input `index` is asked for. */
  needs(index: number): boolean
}

/** How gradients go through one op. */
export interface Rule {
  /** As the op table names it. */
  readonly op: string
  /** The inputs that have a gradient; all where left out. What comes only through the others is frozen, save what is no float. */
  readonly inputs?: readonly number[]
  /** Whether the gradients of all outputs are followed; else only that of the first is. */
  readonly everyOutput?: boolean
  /** Why a node's form has no rule; undefined where it has. */
  readonly refuse?: (node: Node) => string | undefined
  /** The gradients of the inputs, by position; those that are not needed may be left out. Each has its input's shape. */
  readonly gradient: (at: Backward) => (Value | undefined)[]
}

import type { Value } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'
import type { NodeAttributes } from './attributes.ts'

/** One node of a graph model. */
export interface NodeCall {
  readonly e: Emitter
  readonly name: string
  readonly op: string
  readonly inputs: readonly Value[]
  readonly attributes: NodeAttributes
  /** An input. @throws {ModelError} when the node has no such input. */
  input(index: number): Value
  /** The elements of an input that must be known when the model is read. @param what for messages, `axis`. */
  numbers(index: number, what: string): number[]
  /** The same for one number. */
  number(index: number, what: string): number
  /** The node whose first output an input is. */
  source(index: number): NodeCall | undefined
  /** How many outputs a function of the library has. */
  outputsOf(name: string): number
  /** Puts a function of the library into a graph; its inputs are values, its outputs become the graph's. */
  inline(name: string, graph: Value['graph'], inputs: readonly Value[]): Value[]
}

/** Emits what a node does. */
export type NodeRule = (call: NodeCall) => Value | readonly Value[]

/** Rules by op. */
export type NodeRules = Readonly<Record<string, NodeRule>>

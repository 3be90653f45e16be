import type { Model, Sample, Tensors, Value } from '@whittle/ir'

/** One term of the loss that training makes smaller. */
export interface Objective {
  readonly name: string
  /** Looks at some samples before the graph is made, such as for the size of what is to be followed. */
  prepare?(samples: readonly Sample[]): Promise<void>
  /**
   * Adds the loss to a graph, and inputs for what it is compared with.
   * @returns a float32 scalar.
   */
  add(model: Model): Value
  /** What the added inputs are given for one sample, a batch axis of 1 included. */
  targets(sample: Sample, where: string): Promise<Tensors>
  dispose?(): Promise<void>
}

import type { Dataset, Tensors } from '@whittle/ir'

/** A dataset of the inputs given, in their order. */
export function datasetOf(inputs: readonly Tensors[]): Dataset {
  return {
    key: 'list',
    length: inputs.length,
    async *samples() {
      for (const item of inputs) yield { inputs: item }
    },
  }
}

import { type Model, TransformError } from '@whittle/ir'
import { peakBytes } from './memory.ts'
import type { Placed } from './samples.ts'

/** How many samples go into one run, and what a run takes of memory. */
export interface SizeOfRun {
  readonly samples: number
  readonly bytes: number
}

/**
 * As many samples of a batch at a time as fit in memory, in equal parts; one where the model's batch axis is fixed.
 * @param model what a run computes; its data inputs are those that samples give.
 * @throws {TransformError} TRAIN_MEMORY when one sample alone takes more.
 */
export function sizeOfRun(owner: string, model: Model, samples: readonly Placed[], batch: number, memory: number): SizeOfRun {
  const largest = samples.reduce((most, placed) => (elementsOf(placed) > elementsOf(most) ? placed : most))
  const dims = Object.fromEntries(Object.entries(largest.sample.inputs).map(([name, tensor]) => [name, [...tensor.dims]]))
  const inputs = model.graph.inputs.filter(({ name }) => name in dims)
  const stacks = inputs.every(({ name, shape }) => typeof shape?.[0] === 'string' && dims[name]![0] === 1)
  const bytesOf = (count: number): number =>
    peakBytes(model, Object.fromEntries(Object.entries(dims).map(([name, [first, ...rest]]) => [name, [first! * count, ...rest]])))
  for (let parts = 1; ; parts *= 2) {
    const count = stacks ? Math.ceil(batch / parts) : 1
    const bytes = bytesOf(count)
    if (bytes <= memory) return { samples: count, bytes }
    if (count === 1)
      throw new TransformError(
        'TRAIN_MEMORY',
        `${owner}: one sample takes ${megabytes(bytes)} to learn from, more than the ${megabytes(memory)} of the option memory; raise it, give smaller samples, or let fewer parameters learn`,
      )
  }
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`

function elementsOf({ sample }: Placed): number {
  return Object.values(sample.inputs).reduce((sum, { size }) => sum + size, 0)
}

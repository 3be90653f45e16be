import { type Model, createRandom } from '@whittle/ir'
import { type RemovalOptions, removalFault } from '@whittle/testing'
import { expect } from 'vitest'
import { dependenciesOf } from '../src/channels/dependencies.ts'
import { keptOf, removeIndices } from '../src/channels/remove.ts'

/** Removes random components of a model, and expects what is left to be the original with zeros in their place. @returns how many went. */
export async function expectRemoval(model: Model, seed: string, options: RemovalOptions = {}): Promise<number> {
  const random = createRandom(seed)
  let count = 0
  const remove = (given: Model): ReturnType<typeof keptOf> => {
    const removed = dependenciesOf(given).siblings.flatMap(({ components }) => {
      const share = random.next()
      const gone = components.filter(() => random.next() < share)
      return gone.length === components.length ? gone.slice(1) : gone
    })
    count = removed.length
    const kept = keptOf(removed)
    removeIndices(given, kept)
    return kept
  }
  expect(await removalFault(model, remove, random, options), seed).toBeUndefined()
  return count
}

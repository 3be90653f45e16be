import { createRandom } from '@whittle/ir'
import { readOnnx, writeOnnx } from '@whittle/ir/onnx'
import { dependenciesOf, keptOf, removeIndices } from '@whittle/prune'
import { randomStructure, removalFault } from '@whittle/testing'
import type { Outcome } from './check.ts'

/** The file of a random network. */
export function structure(seed: string): Uint8Array {
  return writeOnnx(randomStructure(seed))
}

/** Removes some of what the network can lose: what is left must give what the network gives with zeros in its place. */
export async function checkChannels(bytes: Uint8Array): Promise<Outcome> {
  const model = readOnnx(bytes)
  // The bytes fix what goes.
  const random = createRandom(String(bytes.reduce((sum, byte) => (sum * 31 + byte) % 1_000_003, 0)))
  const fault = await removalFault(
    model,
    (given) => {
      const removed = dependenciesOf(given).siblings.flatMap(({ components }) => {
        const share = random.next()
        return components.slice(1).filter(() => random.next() < share)
      })
      const kept = keptOf(removed)
      removeIndices(given, kept)
      return kept
    },
    random,
  )
  return fault === undefined ? { kind: 'model' } : { kind: 'failed', why: fault }
}

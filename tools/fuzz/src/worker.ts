import { writeSync } from 'node:fs'
import { createRandom } from '@whittle/ir'
import { Checker } from './check.ts'
import { mutate } from './mutate.ts'
import { makeSeeds } from './seeds.ts'

/** One line of a worker: it begins an input, tells how one went, or has come to its end. */
export type Line =
  { begins: number } | { failed: number; why: string; bytes: string } | { done: number; models: number; refused: number; failed: number }

// A process of its own: seed, first input, step, number of inputs, a folder of models or '', and 'dump' to give the inputs only.
const [seed, first, step, count, folder, mode] = process.argv.slice(2) as [string, string, string, string, string, string?]

/** Written at once, so that the last line names the input that a crash or a hang belongs to. */
function tell(line: Line): void {
  const text = Buffer.from(`${JSON.stringify(line)}\n`)
  for (let at = 0; at < text.length;)
    try {
      at += writeSync(1, text, at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
}

const seeds = makeSeeds(folder || undefined)
const draw = (share: number): Uint8Array => (seeds.files.find(({ upTo }) => share < upTo) ?? seeds.files.at(-1)!).bytes
const checker = new Checker(seeds.weights, process.env.WHITTLE_FUZZ_FOLDER)
const total = { models: 0, refused: 0, failed: 0 }
for (let index = Number(first); index < Number(count); index += Number(step)) {
  tell({ begins: index })
  const random = createRandom(`${seed}/${index}`)
  const bytes = mutate(draw(random.next()), random, draw(random.next()))
  const outcome = mode === 'dump' ? { kind: 'failed' as const, why: '' } : checker.check(bytes)
  if (outcome.kind === 'failed') tell({ failed: index, why: outcome.why, bytes: Buffer.from(bytes).toString('base64') })
  total[outcome.kind === 'model' ? 'models' : outcome.kind]++
}
checker.close()
tell({ done: Number(first), ...total })

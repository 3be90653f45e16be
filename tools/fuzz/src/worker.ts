import { writeSync } from 'node:fs'
import { type Random, createRandom } from '@whittle/ir'
import { Checker, type Outcome } from './check.ts'
import { checkChannels, structure } from './channels.ts'
import { mutate } from './mutate.ts'
import { makeSeeds } from './seeds.ts'
import { checkWeights, mutateWeights, weightSeeds } from './weights.ts'

/** What is fuzzed: what reads models, what reads weight files, or the removal of channels. */
export type Target = 'models' | 'weights' | 'channels'

/** One line of a worker: it begins an input, tells how one went, or has come to its end. */
export type Line =
  | { begins: number }
  | { failed: number; why: string; bytes: string }
  | { done: number; models: number; refused: number; failed: number; slowest: number }

// A process of its own: seed, first input, step, number of inputs, a folder of models or '', what is fuzzed, and 'dump' to give the
// inputs only.
const [seed, first, step, count, folder, target, mode] = process.argv.slice(2) as [string, string, string, string, string, Target, string?]

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

const { draw, change, check, close } = { models: ofModels, weights: ofWeights, channels: ofChannels }[target]()
const total = { models: 0, refused: 0, failed: 0, slowest: 0 }
for (let index = Number(first); index < Number(count); index += Number(step)) {
  tell({ begins: index })
  const random = createRandom(`${seed}/${index}`)
  const bytes = change(draw(random.next()), random, draw(random.next()))
  const began = performance.now()
  const outcome = mode === 'dump' ? { kind: 'failed' as const, why: '' } : await check(bytes)
  total.slowest = Math.max(total.slowest, performance.now() - began)
  if (outcome.kind === 'failed') tell({ failed: index, why: outcome.why, bytes: Buffer.from(bytes).toString('base64') })
  total[outcome.kind === 'model' ? 'models' : outcome.kind]++
}
close()
tell({ done: Number(first), ...total })

interface Fuzzed {
  draw(share: number): Uint8Array
  change(bytes: Uint8Array, random: Random, donor: Uint8Array): Uint8Array
  check(bytes: Uint8Array): Outcome | Promise<Outcome>
  close(): void
}

function ofModels(): Fuzzed {
  const seeds = makeSeeds(folder || undefined)
  const checker = new Checker(seeds.weights, process.env.WHITTLE_FUZZ_FOLDER)
  return {
    draw: (share) => (seeds.files.find(({ upTo }) => share < upTo) ?? seeds.files.at(-1)!).bytes,
    change: mutate,
    check: (bytes) => checker.check(bytes),
    close: () => checker.close(),
  }
}

/** Networks are made as they are: nothing is mutated. */
function ofChannels(): Fuzzed {
  return { draw: () => new Uint8Array(), change: (_, random) => structure(String(random.next())), check: checkChannels, close: () => {} }
}

function ofWeights(): Fuzzed {
  const files = weightSeeds(createRandom('weights'))
  return { draw: (share) => files[Math.floor(share * files.length)]!, change: mutateWeights, check: checkWeights, close: () => {} }
}

import { nativeEngine } from '@whittle/engine'
import { type Context, type Model, type Transform, compress, createRandom, silentLogger, weightsOfNode } from '@whittle/ir'
import { gradualRatios, prune } from '@whittle/prune'
import { quantize } from '@whittle/quantize'
import { distill, finetune, qat } from '@whittle/train'
import type { Bench, Row } from '../bench.ts'
import { onGrids } from '../quantize/on-grids.ts'
import { round } from '../run-once.ts'
import { fashion, pictures } from '../tasks/fashion.ts'
import { halfOfChannels } from './half-channels.ts'
import { pointsBetween, rightOnes, share } from './judged.ts'
import { fashionNetwork } from './network.ts'

const PICTURES = 60_000
const TEST = 10_000
const BATCH = 64

/** Share of the weights that are pruned, in how many rounds of how many steps, and how many the last has. */
const PRUNED = 0.8
const ROUNDS = 5
const ROUND_STEPS = 200
const LAST_STEPS = 1500

/** Of networks that learn from nothing or in part anew: AdamW's own rates, which suit biases of zero. */
const LEARNING = { batch: BATCH, relative: false, learningRate: 0.002 } as const

/** Weights that already know: a tenth or so of that. */
const RETRAINING = { ...LEARNING, learningRate: 0.0005 } as const

const ROUND = { ...LEARNING, learningRate: 0.001 } as const

/**
 * A network for Fashion-MNIST that `train` makes from nothing, and what compressing it loses of its accuracy on the test pictures, by
 * post-training alone and with retraining.
 */
export const trainFashion: Bench = async ({ samples = TEST, log }) => {
  await fashion.prepare!(log)
  const test = pictures('t10k', samples)
  // A quick look takes as much less of everything.
  const steps = (whole: number): number => Math.max(5, Math.round((whole * samples) / TEST))
  const training = Math.ceil((PICTURES * samples) / TEST)
  const context: Omit<Context, 'random'> = {
    // One thread: sums come out the same on any number of cores.
    engine: nativeEngine({ threads: 1 }),
    training: pictures('train', training),
    calibration: fashion.calibration,
    logger: { ...silentLogger, debug: log },
  }
  /** Each round has an order of pictures of its own. */
  const run = async (title: string, from: Model, rounds: readonly Transform[][]): Promise<{ model: Model; seconds: number }> => {
    log(`fashion: ${title}`)
    const began = performance.now()
    let model = from
    for (const [at, round] of rounds.entries())
      ({ model } = await compress(model, round, { ...context, random: createRandom(`fashion/${title}/${at}`) }))
    return { model, seconds: Math.round((performance.now() - began) / 1000) }
  }

  const { model, seconds } = await run('training from nothing', fashionNetwork('fashion'), [
    [finetune({ steps: steps(3000), ...LEARNING })],
  ])
  const original = await rightOnes(model, test)
  const accuracy = 100 * share(original)
  log(`fashion: ${accuracy} % of the test pictures`)
  const rows: Row[] = [
    {
      task: 'fashion',
      what: 'trained from nothing',
      value: round(accuracy),
      unit: '% of the test pictures',
      wanted: 90,
      held: accuracy >= 90 ? 'yes' : 'no',
      note: `${weightCount(model)} weights, ${steps(3000)} steps of ${BATCH} pictures, ${seconds} s on one thread`,
    },
  ]
  const lost = async (what: string, from: Model, rounds: readonly Transform[][], wanted?: number): Promise<void> => {
    const made = await run(what, from, rounds)
    const right = await rightOnes(onGrids(made.model), test)
    const { points, low, high } = pointsBetween(original, right)
    log(`fashion: ${what}: ${100 * share(right)} %`)
    rows.push({
      task: 'fashion',
      what,
      value: round(-points),
      unit: 'points lost',
      wanted: wanted ?? null,
      held: wanted === undefined ? null : -points <= wanted ? 'yes' : 'no',
      note: `${round(100 * share(right))} %, interval ${round(-high)} to ${round(-low)}; ${made.seconds} s`,
    })
  }

  await lost('80 % of weights pruned at once', model, [[prune({ ratio: PRUNED, scope: 'global' })]])
  const ratios = gradualRatios(PRUNED, ROUNDS)
  const rounds = ratios.map((ratio, at) => [
    prune({ ratio, scope: 'global' }),
    finetune({ ...ROUND, steps: steps(at === ROUNDS - 1 ? LAST_STEPS : ROUND_STEPS) }),
  ])
  await lost(
    `80 % of weights pruned in ${ROUNDS} rounds, ${ROUND_STEPS} steps behind each and ${LAST_STEPS} behind the last`,
    model,
    rounds,
    0.5,
  )
  const half = halfOfChannels(model)
  await lost('half of the channels removed', half, [])
  await lost(
    'half of the channels removed, distilled in 2000 steps',
    half,
    [[distill({ ...LEARNING, steps: steps(2000), teacher: model, labels: true })]],
    1,
  )
  await lost('4-bit weights, 8-bit activations: gptq', model, [[quantize({ bits: 4, activations: 8, rounding: 'gptq' })]])
  await lost('4-bit weights, 8-bit activations: nearest', model, [[quantize({ bits: 4, activations: 8 })]])
  await lost(
    '4-bit weights, 8-bit activations: nearest, then qat of 300 steps',
    model,
    [[quantize({ bits: 4, activations: 8, latent: true }), qat({ ...RETRAINING, steps: steps(300), losses: 'both' })]],
    0.5,
  )
  return rows
}

function weightCount({ graph }: Model): number {
  const weights = new Set(graph.nodes.flatMap((node) => weightsOfNode(node).map(({ value }) => value)))
  return [...weights].reduce((sum, { tensor }) => sum + tensor!.size, 0)
}

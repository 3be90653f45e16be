import { type Checkpoints, type Model, compress } from '@whittle/ir'
import { expect, it } from 'vitest'
import { finetune } from '../src/index.ts'
import { contextOf, lines, network } from './toy.ts'

/** In memory, as a cache on disk would keep them. */
function memory(): Checkpoints & { readonly kept: Map<string, unknown> } {
  const kept = new Map<string, unknown>()
  return {
    kept,
    read: (name) => Promise.resolve(kept.get(name)),
    write: (name, state) => Promise.resolve(void kept.set(name, structuredClone(state))),
    remove: (name) => Promise.resolve(void kept.delete(name)),
  }
}

const learned = lines(120, 'learned')
const weightsOf = (model: Model): Float32Array[] => [...model.graph.initializers].map(({ tensor }) => tensor!.toFloat32())

it.each([
  ['adamw', { learningRate: 0.02 }],
  ['sgd', { optimizer: 'sgd', learningRate: 0.1 }],
  ['batches that are divided, and none held out', { learningRate: 0.02, batch: 32, memory: 60_000, holdout: 0 }],
] as const)('training that was interrupted goes on to the same weights (%s)', async (_, options) => {
  const steps = [finetune({ steps: 20, every: 4, batch: 16, ...options }), finetune({ steps: 6, learningRate: 0.01 })]
  const whole = await compress(network(), steps, contextOf(learned))
  const checkpoints = memory()
  const done: number[] = []
  const run = async (until: number): Promise<Model> => {
    const abort = new AbortController()
    const onProgress = ({ step, done: count }: { step: string; done: number }): void => {
      if (step === 'finetune') done.push(count)
      if (done.length === until) abort.abort(new Error('enough'))
    }
    return (await compress(network(), steps, contextOf(learned, { checkpoints, signal: abort.signal, onProgress }))).model
  }
  await expect(run(12)).rejects.toThrow('enough')
  expect([...checkpoints.kept.keys()]).toEqual(['0-finetune/training'])
  const reached = done.at(-1)!
  expect(reached).toBeGreaterThan(5)
  done.length = 0
  // The first is the recipe's own.
  expect(weightsOf(await run(Infinity))).toEqual(weightsOf(whole.model))
  expect(done[1]).toBe(reached)
  expect(checkpoints.kept.size).toBe(0)
})

it('a checkpoint of other weights is not taken', async () => {
  const checkpoints = memory()
  checkpoints.kept.set('0-finetune/training', { parameters: [{ name: 'other', values: new Float32Array(3) }], running: [], kept: [] })
  const steps = [finetune({ steps: 4, learningRate: 0.02 })]
  const { model } = await compress(network(), steps, contextOf(learned, { checkpoints }))
  expect(weightsOf(model)).toEqual(weightsOf((await compress(network(), steps, contextOf(learned))).model))
})

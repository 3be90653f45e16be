import { type Context, type Engine, type EngineSession, type Metric, type Runners, type Tensors, defineDataset } from '@whittle/ir'
import { type Placed, inRuns } from './samples.ts'
import type { TrainingStep } from './step.ts'

/** Tells by samples that were held out how good the weights are now. */
export interface Judge {
  /** What is compared, for reports: `loss`. */
  readonly of: string
  /** The less, the better. */
  cost(): Promise<number>
  /** What a cost stands for. */
  shown(cost: number): number
  dispose?(): Promise<void>
}

/** The mean loss. @param samples as many at a time. */
export function lossJudge(step: TrainingStep, heldOut: readonly Placed[], samples: number): Judge {
  return {
    of: 'loss',
    async cost() {
      let sum = 0
      for (const run of inRuns(heldOut, samples)) sum += (await step.loss(run)) * run.length
      return sum / heldOut.length
    },
    shown: (cost) => cost,
  }
}

/** A metric, which may compare with the `original`, if the context has it. */
export async function metricJudge(
  metric: Metric,
  step: TrainingStep,
  heldOut: readonly Placed[],
  { engine, original }: Context & { readonly engine: Engine },
): Promise<Judge> {
  const sign = metric.higherIsBetter ? -1 : 1
  const first: EngineSession | undefined = original && (await engine.open(original))
  const dataset = defineDataset({
    key: 'held out',
    length: heldOut.length,
    async *samples() {
      for (const { sample } of heldOut) yield await Promise.resolve(sample)
    },
  })
  const model = (inputs: Tensors): Promise<Tensors> => step.answer(inputs)
  const run: Runners = first ? { model, original: (inputs: Tensors) => first.run(inputs) } : { model }
  return {
    of: 'metric',
    cost: async () => sign * (await metric.evaluate(run, dataset)).value,
    shown: (cost) => sign * cost,
    dispose: async () => first?.dispose(),
  }
}

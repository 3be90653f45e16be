import {
  type Context,
  type Dataset,
  type Metric,
  type Model,
  type Report,
  type Transform,
  TransformError,
  invalidOption,
} from '@whittle/ir'
import type { Objective } from '../objective/objective.ts'
import { type LabelOptions, labelObjective } from '../objective/labels.ts'
import { type DistillOptions, teacherObjective } from '../objective/teacher.ts'
import { type TrainOptions, recordOf, resolveTraining } from '../training/options.ts'
import { train } from '../training/train.ts'
import { needs } from './needs.ts'
import { reportOf } from './report.ts'

/** Where a transform's samples come from. */
export interface LearnOptions extends TrainOptions, LabelOptions, DistillOptions {
  /** Samples to learn from. @default the context's `training`, or its `calibration` */
  dataset?: Dataset
  /** Judges the weights on what is held out, in place of the loss: what is kept, and when `patience` ends. It may run `model` and `original`. */
  metric?: Metric
  /** The model that is followed. @default the model before the first step */
  teacher?: Model
}

/** Which losses are added up. `'any'` are those of labels where the first sample has one, and the teacher's otherwise. */
export type LossKind = 'labels' | 'teacher' | 'both' | 'any'

/** A transform that trains. */
export function learn(name: string, options: LearnOptions, kind: LossKind, throughGrids: boolean): Transform {
  const { dataset, metric, teacher, loss, output, blank, temperature = 1, follow = [], ...training } = options
  const record = recordOf(resolveTraining(name, training))
  if (metric && training.holdout === 0) throw invalidOption(name, 'holdout', 'a share above 0 for the metric to judge by', 0)
  const named = {
    ...(typeof loss === 'string' ? { loss } : {}),
    ...(output === undefined ? {} : { output }),
    ...(blank === undefined ? {} : { blank }),
    ...(dataset === undefined ? {} : { dataset: dataset.key }),
    ...(metric === undefined ? {} : { metric: metric.key }),
  }
  return {
    name,
    options: { ...record, losses: kind, temperature, follow: [...follow], ...named },
    requires: (_, context) => void needs(name, options.dataset, context),
    async run(model: Model, context: Context): Promise<Report> {
      const { engine, samples } = needs(name, options.dataset, context)
      const objectives: Objective[] = []
      try {
        const label = await firstLabel(samples)
        const labels = kind === 'labels' || kind === 'both' || (kind === 'any' && label !== undefined)
        if (labels) objectives.push(labelObjective(label, { loss, output, blank }))
        if (kind === 'teacher' || kind === 'both' || !labels)
          objectives.push(await teacherObjective(teacher ?? teacherOf(name, context), engine, { temperature, follow }))
        const trained = await train(model, training, {
          owner: name,
          objectives,
          dataset: samples,
          context: { ...context, engine },
          metric,
          throughGrids,
        })
        context.signal?.throwIfAborted()
        return reportOf(model, trained)
      } finally {
        for (const objective of objectives) await objective.dispose?.()
      }
    },
  }
}

function teacherOf(name: string, { original }: Context): Model {
  if (original) return original
  throw new TransformError('TRAIN_TEACHER', `${name}: there is no original to follow; give one with the option teacher`)
}

async function firstLabel(dataset: Dataset): Promise<unknown> {
  for await (const { label } of dataset.samples()) return label
  return undefined
}

import type { Alternative, Directive } from './directive.ts'
import { DATASET, naming } from './named.ts'

const steps = (name: keyof NonNullable<Alternative['training']>, meaning: string): Directive => ({
  name,
  value: 'a whole number of steps',
  meaning,
  example: `${name}=500`,
  multiplies: true,
  apply(value, into) {
    const count = Number(value)
    into.training = { ...into.training, [name]: count }
    return value !== '' && Number.isInteger(count) && count > 0
  },
})

/** Training at build time, in the order of the docs. */
export const TRAINING_DIRECTIVES: readonly Directive[] = [
  steps('finetune', 'steps of training on labelled samples, zeros kept (experimental)'),
  steps('distill', "steps of training by which the outputs follow the original's on samples without labels, zeros kept (experimental)"),
  steps('qat', 'steps of training through the grids of `int8`, `int4` or `bits=`, to follow the original (experimental)'),
  naming(
    'train',
    DATASET,
    'samples from which `finetune=`, `distill=` and `qat=` learn, some hundreds at least; by default those of `calibrate=`',
    'train=./lines.ts',
  ),
  naming(
    'teacher',
    'the path of a model',
    'the model that `distill=` and `qat=` follow, with the same inputs and outputs; by default the import itself',
    'teacher=./large.onnx',
  ),
]

/** Options of the transforms that train which a query may set by name, and how they are read. */
export const TRAINING_OPTIONS: Readonly<Record<string, readonly string[] | 'number'>> = Object.fromEntries(
  ['finetune', 'distill', 'qat'].flatMap((name) => [
    [`${name}.learningRate`, 'number'],
    [`${name}.batch`, 'number'],
    [`${name}.holdout`, 'number'],
    [`${name}.patience`, 'number'],
    [`${name}.weightDecay`, 'number'],
    [`${name}.memory`, 'number'],
    [`${name}.optimizer`, ['adamw', 'sgd']],
    [`${name}.schedule`, ['cosine', 'linear', 'constant']],
    [`${name}.batchNorm`, ['kept', 'batch']],
    ...(name === 'finetune' ? [] : [[`${name}.temperature`, 'number']]),
    ...(name === 'distill'
      ? []
      : [
          [`${name}.loss`, ['cross-entropy', 'squared-error', 'ctc']],
          [`${name}.blank`, 'number'],
        ]),
    ...(name === 'qat' ? [[`${name}.losses`, ['labels', 'teacher', 'both', 'any']]] : []),
  ]),
)

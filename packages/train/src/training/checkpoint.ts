import type { Checkpoints } from '@whittle/ir'
import type { Parameter } from './optimizer.ts'
import type { RunningStatistic } from './running.ts'

/** How far a loop is. */
export interface Standing {
  /** Steps done. */
  done: number
  /** The step whose weights are kept, and what they cost. */
  best: number
  least: number
  /** Looks since then. */
  sinceBest: number
  /** What they cost before the first step. */
  before: number
  /** Of the batches so far. */
  losses: number[]
  /** What it took so far. */
  seconds: number
}

/** What a loop changes, beside its standing. */
export interface Learned {
  readonly parameters: readonly Parameter[]
  readonly running: readonly RunningStatistic[]
  /** Those of the best step: of the parameters, then of the running statistics. */
  readonly kept: readonly Float32Array[]
}

type Numbers = Pick<Parameter, 'name' | 'values' | 'state' | 'steps'>

interface Stored {
  standing: Standing
  parameters: Numbers[]
  running: Pick<RunningStatistic, 'name' | 'values'>[]
  kept: Float32Array[]
}

const NAME = 'training'

/** Keeps all that a loop needs to go on where it was. */
export async function writeCheckpoint(store: Checkpoints | undefined, standing: Standing, learned: Learned): Promise<void> {
  await store?.write(NAME, {
    standing,
    parameters: learned.parameters.map(({ name, values, state, steps }) => ({ name, values, state, steps })),
    running: learned.running.map(({ name, values }) => ({ name, values })),
    kept: [...learned.kept],
  } satisfies Stored)
}

/** Fills in what was kept. @returns undefined, and changes nothing, where nothing was kept or it is of other weights. */
export async function readCheckpoint(store: Checkpoints | undefined, learned: Learned): Promise<Standing | undefined> {
  const stored = (await store?.read(NAME)) as Stored | undefined
  if (!stored || formOf(stored) !== formOf(learned)) return undefined
  learned.parameters.forEach((parameter, index) => {
    const { values, state, steps } = stored.parameters[index]!
    parameter.values.set(values)
    parameter.steps = steps
    Object.assign(parameter.state, state)
  })
  learned.running.forEach(({ values }, index) => values.set(stored.running[index]!.values))
  learned.kept.forEach((values, index) => values.set(stored.kept[index]!))
  return stored.standing
}

export async function removeCheckpoint(store: Checkpoints | undefined): Promise<void> {
  await store?.remove(NAME)
}

function formOf({ parameters, running, kept }: Pick<Stored, 'parameters' | 'running' | 'kept'> | Learned): string {
  return JSON.stringify([...[...parameters, ...running].map(({ name, values }) => [name, values.length]), kept.map(({ length }) => length)])
}

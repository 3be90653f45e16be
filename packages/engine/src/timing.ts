import type { Engine, Model, SessionOptions, Tensors } from '@whittle/ir'

export interface TimedModel {
  readonly name: string
  /** The bytes of a self-contained ONNX file, or an IR model. */
  readonly model: Uint8Array | Model
  /** By default the inputs that all models share. */
  readonly inputs?: Tensors
}

export interface TimeRatioOptions extends Omit<SessionOptions, 'capture'> {
  /** Rounds in which each model runs once; 30 by default. */
  rounds?: number
  /** Runs of each model that are not counted; 3 by default. */
  warmup?: number
  signal?: AbortSignal
}

export interface TimeRatio {
  readonly name: string
  /** Median over the rounds of this model's time to the first model's in the same round; below 1 is faster. 1 for the first. */
  readonly ratio: number
  /** The first and the third quartile of the same. */
  readonly quartiles: readonly [number, number]
  /** Median time in milliseconds: of this machine at this moment, for tables only. */
  readonly milliseconds: number
}

/** Times models against the first one: one run of each in turn, round after round, so that what slows the machine slows them all. */
export async function timeRatio(
  engine: Engine,
  models: readonly TimedModel[],
  inputs: Tensors,
  options: TimeRatioOptions = {},
): Promise<TimeRatio[]> {
  const { rounds = 30, warmup = 3, signal, ...sessionOptions } = options
  const sessions = []
  try {
    for (const { model } of models) sessions.push(await engine.open(model, sessionOptions))
    const times: number[][] = models.map(() => [])
    for (let round = -warmup; round < rounds; round++) {
      signal?.throwIfAborted()
      for (const [index, session] of sessions.entries()) {
        const start = performance.now()
        await session.run(models[index]!.inputs ?? inputs)
        if (round >= 0) times[index]!.push(performance.now() - start)
      }
    }
    return models.map(({ name }, index) => {
      const ratios = times[index]!.map((time, round) => time / times[0]![round]!)
      return {
        name,
        ratio: quantile(ratios, 0.5),
        quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
        milliseconds: quantile(times[index]!, 0.5),
      }
    })
  } finally {
    for (const session of sessions) await session.dispose()
  }
}

/** Linear interpolation between the two nearest. */
function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const [low, high] = [sorted[Math.floor(at)] ?? NaN, sorted[Math.ceil(at)] ?? NaN]
  return low + (high - low) * (at - Math.floor(at))
}

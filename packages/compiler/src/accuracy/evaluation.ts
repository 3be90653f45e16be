import { verdict } from '@whittle/engine'
import { type Dataset, DatasetError, type Engine, WhittleError, messageOf } from '@whittle/ir'
import type { Accuracy } from '../types.ts'
import type { NamedMetric } from './metric.ts'
import { type Runner, openLate, remembering } from './runners.ts'

export interface EvaluationRequest extends NamedMetric {
  readonly dataset: Dataset
  /** Runs the original. */
  readonly engine: Engine
  readonly original: Uint8Array
  readonly signal?: AbortSignal | undefined
  /** Told each sample that the metric has read. */
  readonly onSample?: (done: number, total: number | undefined) => void
}

/** What a metric gave on one model. */
interface Scores {
  readonly value: number
  readonly perSample: readonly number[]
}

/** A metric on samples: what it gives on the original, computed once, and what it gives on the variants, each file once. */
export class Evaluation {
  readonly #request: EvaluationRequest
  readonly #original: Runner
  readonly #judged = new Map<string, Scores>()
  #reference!: Scores

  private constructor(request: EvaluationRequest) {
    this.#request = request
    this.#original = remembering(openLate(request.engine, request.original, request.signal))
  }

  /** @throws {DatasetError} when the samples are none, or the metric throws or gives what is no metric. */
  static async of(request: EvaluationRequest): Promise<Evaluation> {
    const evaluation = new Evaluation(request)
    evaluation.#reference = await evaluation.#scores(evaluation.#original, 'the original')
    return evaluation
  }

  /** A sentence that a user must see, where the metric's value is not what is judged. */
  get warning(): string | undefined {
    const { value, perSample } = this.#reference
    const mean = perSample.reduce((sum, item) => sum + item, 0) / perSample.length
    if (Math.abs(mean - value) <= 1e-6 * Math.max(1, Math.abs(value))) return undefined
    return `${this.#request.name}: its value is ${short(value)}, and the mean of its perSample ${short(mean)}: differences and intervals are those of perSample`
  }

  /** What would be said of a model that gives exactly what the original gives. */
  atBest(drop: number): Accuracy {
    return this.#accuracyOf(this.#reference, drop)
  }

  /**
   * Runs a file as it was written, and judges it against the original, sample by sample.
   * @param hash equal hashes are equal files.
   * @param where what messages call it.
   */
  async judge(engine: Engine, file: Uint8Array, hash: string, where: string, drop: number | undefined): Promise<Accuracy> {
    const known = this.#judged.get(hash)
    const scores = known ?? (await this.#scores(openLate(engine, file, this.#request.signal), where))
    this.#judged.set(hash, scores)
    return this.#accuracyOf(scores, drop)
  }

  #accuracyOf({ value, perSample }: Scores, drop: number | undefined): Accuracy {
    const { name, metric } = this.#request
    const { higherIsBetter } = metric
    const { difference, interval, n, decision, needs } = verdict({
      perSampleOriginal: this.#reference.perSample,
      perSampleCompressed: perSample,
      drop: drop ?? 0,
      higherIsBetter,
    })
    return {
      metric: name,
      higherIsBetter,
      original: this.#reference.value,
      variant: value,
      difference,
      // JSON has no infinity.
      interval: interval.every(Number.isFinite) ? [...interval] : null,
      samples: n,
      ...(drop === undefined ? {} : { drop, decision, ...(needs === undefined ? {} : { needs }) }),
    }
  }

  async #scores(model: Runner, where: string): Promise<Scores> {
    const { name, metric, dataset, signal, onSample } = this.#request
    const { counted, count } = counting(dataset, onSample)
    try {
      const scores = await metric.evaluate({ original: this.#original.run, model: model.run }, counted)
      return checked(scores, count(), `${name} on ${where}`)
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof WhittleError) throw error
      throw new DatasetError('METRIC_THREW', `${name} on ${where}: evaluate() threw: ${messageOf(error).split('\n')[0]!.trim()}`, {
        cause: error,
      })
    } finally {
      await Promise.all([model.close(), this.#original.close()])
    }
  }
}

function checked(scores: Partial<Scores> | null | undefined, samples: number, where: string): Scores {
  const { value, perSample } = scores ?? {}
  const fail = (what: string): never => {
    throw new DatasetError(
      'METRIC_VALUE',
      `${where}: ${what}; evaluate() returns { value, perSample }, finite numbers, one for each sample`,
    )
  }
  if (!Array.isArray(perSample)) return fail(`perSample is ${perSample === null ? 'null' : typeof perSample}, not a list`)
  if (perSample.length !== samples) return fail(`perSample has ${perSample.length} numbers for ${samples} samples`)
  if (typeof value !== 'number' || !Number.isFinite(value)) return fail(`the value is ${String(value)}`)
  const wrong = perSample.findIndex((item) => typeof item !== 'number' || !Number.isFinite(item))
  if (wrong >= 0) return fail(`perSample is ${String(perSample[wrong])} for sample ${wrong}`)
  return { value, perSample: [...(perSample as number[])] }
}

/** A dataset that is known to have been read, and how far. A metric may read it more than once. */
function counting(dataset: Dataset, onSample: EvaluationRequest['onSample']): { counted: Dataset; count: () => number } {
  let most = 0
  return {
    count: () => most,
    counted: {
      key: dataset.key,
      ...(dataset.length === undefined ? {} : { length: dataset.length }),
      async *samples() {
        let done = 0
        for await (const sample of dataset.samples()) {
          most = Math.max(most, ++done)
          onSample?.(done, dataset.length)
          yield sample
        }
        if (done === 0) throw new DatasetError('DATASET_EMPTY', `the dataset '${dataset.key}' yields no samples to evaluate on`)
      },
    },
  }
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)))
}

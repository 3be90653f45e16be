import { type Dataset, DatasetError, type Random, type Sample, Tensor, type Tensors } from '@whittle/ir'

/** A sample with its place in the dataset, for messages. */
export interface Placed {
  sample: Sample
  where: string
}

/** At most so many bytes of samples are held at a time. */
const MOST_HELD = 512e6
/** At most so many samples are held out. */
const MOST_HELD_OUT = 256

/**
 * Samples in an order that is drawn anew each time round. A dataset that is too large to be held is read again and again, and shuffled
 * within what is held of it.
 */
export class SampleSource {
  readonly #dataset: Dataset
  readonly #random: Random
  readonly #most: number
  readonly #heldOut = new Set<number>()
  #stream: AsyncIterator<Sample> | undefined
  #at = 0
  #window: Placed[] = []
  /** Whether all of the dataset is in the window. */
  #whole = false
  #next: Placed[] = []
  #round = 0

  private constructor(dataset: Dataset, random: Random, most: number) {
    this.#dataset = dataset
    this.#random = random
    this.#most = most
  }

  /** @throws {DatasetError} TRAIN_SAMPLES when there are not two samples to learn from and to judge by. */
  static async open(owner: string, dataset: Dataset, random: Random, most = MOST_HELD): Promise<SampleSource> {
    const source = new SampleSource(dataset, random, most)
    await source.#fill()
    const count = source.#window.length
    if (count < 2)
      throw new DatasetError(
        'TRAIN_SAMPLES',
        `${owner}: the dataset yields ${count === 0 ? 'no samples' : 'one sample'}, and training needs two at least; some hundreds are usual`,
      )
    return source
  }

  /** Takes a share of the samples out, spread over what is held; of 0, none. */
  holdOut(share: number): Placed[] {
    if (share === 0) return []
    const count = Math.max(1, Math.min(MOST_HELD_OUT, Math.floor(this.#window.length * share)))
    const every = this.#window.length / count
    const chosen = new Set(Array.from({ length: count }, (_, index) => Math.floor((index + 0.5) * every)))
    for (const at of chosen) this.#heldOut.add(at)
    const taken = this.#window.filter((_, at) => chosen.has(at))
    this.#window = this.#window.filter((_, at) => !chosen.has(at))
    return taken
  }

  async next(): Promise<Placed> {
    if (this.#next.length === 0) {
      if (this.#round > 0 && !this.#whole) await this.#fill()
      this.#next = shuffled(this.#window, this.#random.fork(`round ${this.#round++}`))
    }
    return this.#next.pop()!
  }

  /** Holds the next samples, the first again behind the last. */
  async #fill(): Promise<void> {
    this.#window = []
    let bytes = 0
    // Twice where the last window ended with the dataset.
    for (let time = 0; time < 2 && this.#window.length === 0; time++) {
      const fresh = this.#stream === undefined
      this.#stream ??= this.#dataset.samples()[Symbol.asyncIterator]()
      if (fresh) this.#at = 0
      while (bytes < this.#most) {
        const { done, value } = await this.#stream.next()
        if (done) {
          this.#stream = undefined
          this.#whole = fresh
          break
        }
        const at = this.#at++
        if (this.#heldOut.has(at)) continue
        this.#window.push({ sample: value, where: `sample ${at}` })
        bytes += Object.values(value.inputs).reduce((sum, tensor) => sum + tensor.bytes().byteLength, 0)
      }
    }
  }
}

/** Fisher and Yates. */
function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const order = [...items]
  for (let at = order.length - 1; at > 0; at--) {
    const other = random.integer(at + 1)
    ;[order[at], order[other]] = [order[other]!, order[at]!]
  }
  return order
}

/** Gathers samples of equal shapes into batches; what does not fill one waits for the next time round. */
export class Batches {
  readonly #source: SampleSource
  readonly #waiting = new Map<string, Placed[]>()

  constructor(source: SampleSource) {
    this.#source = source
  }

  async next(size: number): Promise<Placed[]> {
    for (;;) {
      const placed = await this.#source.next()
      const key = shapesOf(placed.sample.inputs)
      const waiting = this.#waiting.get(key) ?? []
      waiting.push(placed)
      if (waiting.length < size) this.#waiting.set(key, waiting)
      else {
        this.#waiting.delete(key)
        return waiting
      }
    }
  }
}

/** Divides samples into runs of equal shapes, each of so many at most. */
export function inRuns(samples: readonly Placed[], size: number): Placed[][] {
  const runs: Placed[][] = []
  const open = new Map<string, Placed[]>()
  for (const placed of samples) {
    const key = shapesOf(placed.sample.inputs)
    let run = open.get(key)
    if (!run || run.length === size) {
      run = []
      runs.push(run)
      open.set(key, run)
    }
    run.push(placed)
  }
  return runs
}

function shapesOf(inputs: Tensors): string {
  return Object.entries(inputs)
    .map(([name, { dims }]) => `${name}[${dims.join()}]`)
    .sort()
    .join(' ')
}

/** One tensor of several, along the batch axis. All have the same dims behind it. */
export function stacked(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors
  if (tensors.length === 1) return first!
  const parts = tensors.map((tensor) => tensor.bytes())
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  const rows = tensors.reduce((sum, { dims }) => sum + dims[0]!, 0)
  return Tensor.fromBytes(first!.type, [rows, ...first!.dims.slice(1)], bytes)
}

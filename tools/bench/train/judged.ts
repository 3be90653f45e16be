import { nativeEngine, pairedProportionInterval } from '@whittle/engine'
import { type Dataset, type Model, Tensor } from '@whittle/ir'

/** Pictures a run. */
const BATCH = 500

/** Which pictures of a dataset a model that gives logits classifies rightly. */
export async function rightOnes(model: Model, dataset: Dataset): Promise<boolean[]> {
  const session = await nativeEngine().open(model)
  const right: boolean[] = []
  let waiting: { picture: Tensor; label: unknown }[] = []
  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return
    const [name] = session.inputNames
    const dims = [waiting.length, ...waiting[0]!.picture.dims.slice(1)]
    const bytes = Buffer.concat(waiting.map(({ picture }) => picture.bytes()))
    const logits = (await session.run({ [name!]: Tensor.fromBytes('float32', dims, bytes) }))[session.outputNames[0]!]!
    const [scores, classes] = [logits.toFloat32(), logits.dims[1]!]
    for (const [at, { label }] of waiting.entries()) {
      const own = scores.subarray(at * classes, (at + 1) * classes)
      right.push(own.indexOf(Math.max(...own)) === label)
    }
    waiting = []
  }
  try {
    for await (const { inputs, label } of dataset.samples())
      if (waiting.push({ picture: Object.values(inputs)[0]!, label }) === BATCH) await flush()
    await flush()
  } finally {
    await session.dispose()
  }
  return right
}

export const share = (right: readonly boolean[]): number => right.filter(Boolean).length / right.length

/** The second's accuracy less the first's in points, with Tango's 95 % interval of paired proportions. */
export function pointsBetween(first: readonly boolean[], second: readonly boolean[]): { points: number; low: number; high: number } {
  const gained = second.filter((right, at) => right && !first[at]).length
  const lost = first.filter((right, at) => right && !second[at]).length
  const [low, high] = pairedProportionInterval(gained, lost, first.length)
  return { points: (100 * (gained - lost)) / first.length, low: 100 * low, high: 100 * high }
}

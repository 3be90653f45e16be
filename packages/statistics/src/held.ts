import type { Dataset, Sample } from '@whittle/ir'

/** Bytes of samples that are held. */
const MOST = 256 * 2 ** 20

/** A dataset that is read once, where its samples are small enough to be held: it is gone through once for each layer. */
export async function held(dataset: Dataset): Promise<Dataset> {
  const samples: Sample[] = []
  let bytes = 0
  for await (const sample of dataset.samples()) {
    for (const tensor of Object.values(sample.inputs)) bytes += tensor.data().byteLength
    if (bytes > MOST) return dataset
    samples.push(sample)
  }
  return {
    ...dataset,
    async *samples() {
      yield* samples
    },
  }
}

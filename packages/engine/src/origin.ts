import type { Sample } from '@whittle/ir'

const origins = new WeakMap<Sample, string>()

/** Notes where a sample came from, for messages. */
export function setOrigin(sample: Sample, origin: string): Sample {
  origins.set(sample, origin)
  return sample
}

/** Where a sample came from: the path of its `.npz` file, or its module and number; undefined for samples made elsewhere. */
export function originOf(sample: Sample): string | undefined {
  return origins.get(sample)
}

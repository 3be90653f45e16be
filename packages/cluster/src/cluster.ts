import { type Context, DatasetError, type Model, type Report, type Transform } from '@whittle/ir'
import { type Coded } from './coded.ts'
import { type ClusterOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { type Prepared, describe, prepare, share, write } from './layer.ts'
import { reachOutputs } from './reach.ts'
import { weightsToCluster } from './weights.ts'

/**
 * Lets the weights of a tensor share a few values (Han, Mao & Dally 2016, "Deep Compression"): kernels, recurrent weights and embeddings become
 * indices into a codebook. Where a tensor has zeros, 0 is one of the values and they keep it. It annotates; how indices and values are stored is
 * decided by the compiler for each target.
 */
export function cluster(options: ClusterOptions = {}): Transform {
  const resolved = resolveOptions(options)
  return {
    name: 'cluster',
    options: { ...resolved },
    async run(model: Model, context: Context): Promise<Report> {
      const report: Report = { changed: [], skipped: [] }
      checkContext(resolved, context)
      const prepared = await prepare(model, weightsToCluster(model, resolved, report), context)
      const coded = await codebooks(model, prepared, resolved, context)
      const quality = write(model, prepared, coded)
      prepared.forEach((weight, index) =>
        report.changed.push({ at: weight.weight.value.name, what: describe(weight, coded[index]!, quality[index]!) }),
      )
      return report
    },
  }
}

/** @throws {DatasetError} where something is to be measured and there is nothing to measure it with. */
function checkContext({ method, sqnr }: ResolvedOptions, { engine, calibration }: Context): void {
  if ((method === 'kmeans' && sqnr === null) || (engine && calibration)) return
  throw new DatasetError(
    'CALIBRATION_MISSING',
    method === 'feedback'
      ? "cluster with method 'feedback' needs calibration data and an engine; give them, or take method 'kmeans'"
      : 'cluster with sqnr needs calibration data and an engine; give them, or take layer in its place',
  )
}

async function codebooks(model: Model, prepared: readonly Prepared[], options: ResolvedOptions, context: Context): Promise<Coded[]> {
  const { sqnr, layer } = options
  let done = 0
  const at = (decibels: number): Coded[] =>
    prepared.map((weight) => {
      context.signal?.throwIfAborted()
      const coded = share(weight, options, decibels)
      context.onProgress?.({ step: 'clustering weights', done: ++done })
      return coded
    })
  if (sqnr === null || prepared.length === 0) return at(layer)
  return await reachOutputs(model, sqnr, at, (copy, coded) => write(copy, prepared, coded), context)
}

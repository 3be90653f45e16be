import { type Context, DatasetError, type Model, type Report, type Transform, inferShapes } from '@whittle/ir'
import type { Choice } from './choose.ts'
import { type Fitted, fitToData, fitToWeights } from './fit.ts'
import { type Layer, layersToFactorize } from './layers.ts'
import { type FactorizeOptions, resolveOptions } from './options.ts'
import { planOf } from './plan.ts'
import { writeStages } from './write.ts'

/**
 * Writes layers as two or three of lower rank, where that leaves fewer weights and fewer multiplications: matrices by singular value decomposition, in the
 * norm of their inputs where there is calibration data (SVD-LLM, Wang et al. 2024; ASVD, Yuan et al. 2023); convolutions by fewer outputs (Zhang et al. 2016),
 * Tucker-2 (Kim et al. 2016), or a column and a row (Jaderberg et al. 2014); embedding tables by fewer columns and a matrix behind them.
 */
export function factorize(options: FactorizeOptions = {}): Transform {
  const resolved = resolveOptions(options)
  return {
    name: 'factorize',
    options: { ...resolved },
    async run(model: Model, context: Context): Promise<Report> {
      if (resolved.method === 'data' && !(context.engine && context.calibration))
        throw new DatasetError(
          'CALIBRATION_MISSING',
          "factorize with method 'data' needs calibration data and an engine; give them, or take method 'weights'",
        )
      const report: Report = { changed: [], skipped: [] }
      const layers = layersToFactorize(model, resolved, report)
      const { choices, kept, short } = await planOf(model, layers, resolved, context)
      for (const [layer, why] of kept) report.skipped.push({ at: layer.weight.value.name, why })
      if (short) report.skipped.push({ at: 'model', why: short })
      const fitted = resolved.method === 'data' ? await fitToData(model, choices, context) : fitToWeights(choices)
      for (const [layer, result] of fitted) {
        report.changed.push({ at: layer.weight.value.name, what: describe(layer, choices.get(layer)!, result) })
        writeStages(layer, result.stages)
      }
      if (fitted.size > 0) inferShapes(model)
      return report
    },
  }
}

/** For the report: `384 x 1536 in 2 of rank 128: 245760 weights of 589824; 98.2 % of what it gives is kept`. */
function describe({ weight, measured, unmeasured }: Layer, { form, ranks, parameters }: Choice, { kept }: Fitted): string {
  const stages = form
    .dims(ranks)
    .map(([outputs, , ...extents]) => [...(extents.length > 0 ? [extents.join(' x ')] : []), outputs].join(' to '))
  return [
    `${weight.tensor.dims.join(' x ')} as ${stages.join(', ')}: ${parameters} weights of ${weight.tensor.size}`,
    `${(100 * kept).toFixed(1)} % of ${measured ? 'what it gives' : 'the squares of its weights'} is kept${unmeasured ? ` (${unmeasured})` : ''}`,
  ].join('; ')
}

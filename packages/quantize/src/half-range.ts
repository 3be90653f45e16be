import type { Context, Model, Report, Value } from '@whittle/ir'
import { measureExtremes } from './extremes.ts'

/** The greatest finite float16. */
const LARGEST = 65504

/** What calibration data show may be exceeded by others: a value counts as too large from this share of {@link LARGEST} on. */
const MARGIN = 0.5

/**
 * Marks activations that come near what float16 can hold, on the calibration data: what gives and reads them computes in float32, where a target
 * computes the rest in float16. Without calibration data it says that their ranges are not known.
 */
export async function markLargeActivations(model: Model, context: Context, report: Report): Promise<void> {
  if (!context.calibration || !context.engine) {
    report.skipped.push({
      at: 'graph',
      why: `without calibration data it is not known whether activations stay below ${LARGEST}, the most that float16 holds`,
    })
    return
  }
  const nodes = model.graph.nodes
  const values = [...model.graph.inputs.filter((value) => !value.tensor), ...nodes.flatMap((node) => node.outputs)].filter(
    (value): value is Value => value?.elementType === 'float32' && !value.quantization,
  )
  if ([...model.graphs()].length > 1)
    report.skipped.push({ at: 'subgraphs', why: `inside subgraphs it cannot be measured whether activations stay below ${LARGEST}` })
  const extremes = await measureExtremes(model, values, context)
  for (const value of values) {
    const { min, max } = extremes.get(value.name) ?? { min: 0, max: 0 }
    const largest = Math.max(-min, max)
    if (!(largest > LARGEST * MARGIN) || largest === Infinity) continue
    value.quantization = { kind: 'float32' }
    report.changed.push({ at: value.name, what: `activation of up to ${largest.toPrecision(3)}: it stays in float32` })
  }
}

import { type Context, type IntegerQuantization, type Model, type Node, type Report, type Value, opRow } from '@whittle/ir'
import { statisticsOf } from './batch-statistics.ts'
import { calibrate } from './calibrate.ts'
import { measureExtremes } from './extremes.ts'
import type { ResolvedOptions } from './options.ts'
import { type Grid, chooseRange, fullRange } from './ranges.ts'

/**
 * Gives the values around what some target computes in integers a grid, from what they are on the calibration data; without any, from what
 * BatchNormalization's statistics say of them, where they say it of all but the model's inputs.
 * @throws {DatasetError} without calibration data where statistics do not reach, and for data that cannot be used.
 */
export async function annotateActivations(
  model: Model,
  bits: number,
  { range, percentile }: Pick<ResolvedOptions, 'range' | 'percentile'>,
  context: Context,
  report: Report,
): Promise<void> {
  const nodes = model.graph.nodes.filter((node) => opRow(node)?.integers)
  for (const node of model.nodes())
    if (node.graph !== model.graph && opRow(node)?.integers)
      report.skipped.push({ at: node.describe(), why: 'inside a subgraph its activations cannot be measured' })
  const values = new Map<Value, Node>()
  for (const node of nodes)
    for (const value of [node.inputs[0], outputOf(node)]) if (value && !value.tensor && !values.has(value)) values.set(value, node)
  const wanted = [...values.keys()].filter((value) => value.quantization === undefined)
  if (wanted.length === 0) {
    report.skipped.push({ at: 'graph', why: 'no activation of a Conv, Gemm or MatMul is without a grid' })
    return
  }
  if (!context.calibration && annotateFromStatistics(model, wanted, bits, report)) return
  const extremes = range === 'minmax' ? await measureExtremes(model, wanted, context) : undefined
  const histograms = extremes ? undefined : (await calibrate(model, wanted, context)).histograms
  for (const value of wanted) {
    const histogram = histograms?.get(value.name)
    const seen = histogram ?? extremes?.get(value.name)
    if (seen && seen.invalid > 0) {
      report.skipped.push({ at: value.name, why: `it is NaN or infinite on the calibration data (${seen.invalid} times)` })
      continue
    }
    const grid = histogram ? chooseRange(histogram, bits, range, percentile) : seen && fullRange(seen, bits)
    if (!grid) {
      report.skipped.push({ at: value.name, why: 'no finite float32 value in the calibration data' })
      continue
    }
    value.quantization = activation(grid, bits)
    report.changed.push({ at: value.name, what: describe(grid, seen!) })
  }
}

/** @returns false, and changes nothing, where a value that a node gives has no statistics. */
function annotateFromStatistics(model: Model, wanted: readonly Value[], bits: number, report: Report): boolean {
  const known = statisticsOf(model)
  if (known.size === 0 || wanted.some((value) => !value.isInput && !known.has(value))) return false
  for (const value of wanted) {
    const statistics = known.get(value)
    if (!statistics) {
      report.skipped.push({ at: value.name, why: 'an input: without calibration data its range is not known' })
      continue
    }
    const grid = fullRange({ min: Math.min(...statistics.low), max: Math.max(...statistics.high) }, bits)!
    value.quantization = activation(grid, bits)
    report.changed.push({ at: value.name, what: `${describe(grid, grid)}, by the statistics of BatchNormalization` })
  }
  return true
}

/** What a compute node's output is to those who read it: behind the Relu or Clip that runtimes fuse with it. */
function outputOf(node: Node): Value {
  const [use, ...others] = node.output.uses
  const alone = use && others.length === 0 && use.index === 0 && use.node.graph === node.graph && !node.output.isOutput
  return alone && (use.node.type === 'Relu' || use.node.type === 'Clip') ? use.node.output : node.output
}

/** A value that never changes lies on its grid, at the end that is not 0. */
function describe({ min, max }: Grid, seen: { min: number; max: number }): string {
  if (seen.min === seen.max) return `activation that is always ${seen.min}`
  return `activation in [${min.toPrecision(3)}, ${max.toPrecision(3)}]`
}

function activation(grid: Grid, bits: number): IntegerQuantization {
  return { kind: 'integer', bits, signed: false, scale: Float32Array.of(grid.scale), zeroPoint: Int32Array.of(grid.zeroPoint) }
}

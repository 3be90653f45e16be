import { type Context, type Model, type Node, type Report, Tensor, type Transform, type Value, type Weight, weightsOf } from '@whittle/ir'
import { annotateActivations } from './activations.ts'
import { type Gram, whyNoRows } from '@whittle/statistics'
import { describeGrid, hasGrid, roundToGrid, scaleGridOf } from './grids.ts'
import { absorbBiases } from './absorb.ts'
import { equalize } from './equalize.ts'
import { expectedCorrection } from './expected-bias.ts'
import { correctBiases } from './full-correction.ts'
import { type QuantizeOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { markDynamicInputs } from './dynamic.ts'
import { FLOAT16 } from './allocation.ts'
import { roundToFloat16 } from './float16.ts'
import { type DataRounding, gramsFor, roundOnData } from './rounding.ts'
import { smoothActivations } from './smooth.ts'
import { type Wanted, shareBits } from './share-bits.ts'
import { reportQuantized, unfoldStoredWeights } from './sources.ts'

/**
 * Rounds kernels, recurrent weights and embeddings to grids, by default symmetric ones with a scale for each output channel, and gives the
 * activations around Conv, Gemm and MatMul an unsigned grid from calibration data. It only annotates: which node computes in integers, and
 * which only stores them, is decided by the compiler for each target.
 */
export function quantize(options: QuantizeOptions = {}): Transform {
  const resolved = resolveOptions(options)
  const { activations } = resolved
  return {
    name: 'quantize',
    options: { ...resolved },
    async run(model: Model, context: Context): Promise<Report> {
      const report: Report = { changed: [], skipped: [] }
      reportQuantized(model, report)
      unfoldStoredWeights(model)
      if (resolved.equalization === 'cross-layer') equalize(model, report)
      if (resolved.equalization === 'cross-layer' && activations !== null) absorbBiases(model, report)
      if (resolved.smooth !== null) await smoothActivations(model, resolved.smooth, context, report)
      const correct = resolved.correction === 'statistics' ? expectedCorrection(model) : undefined
      const original = resolved.correction === 'full' ? model.clone() : undefined
      // Ranges are those of the model before its weights are rounded.
      if (activations === 'dynamic') markDynamicInputs(model, report)
      else if (activations !== null) await annotateActivations(model, activations, resolved, context, report)
      const before = resolved.latent ? tensorsOf(model) : undefined
      await quantizeWeights(model, resolved, context, report)
      if (before) rememberLatent(model, before)
      correct?.(report)
      if (original) await correctBiases(model, original, context, report)
      return report
    },
  }
}

async function quantizeWeights(model: Model, options: ResolvedOptions, context: Context, report: Report): Promise<void> {
  const wanted = weightsToRound(model, options, report)
  const method = dataRounding(options)
  const nodes = wanted.flatMap(({ weight, notOnData }) => (method && !notOnData ? [weight.node] : []))
  const grams = method && nodes.length > 0 ? await gramsFor(method, model, nodes, context) : new Map<Node, Gram[]>()
  const { bits, alone } = await shareBits(model, wanted, grams, options, context)
  const costs = (value: Value): string => (alone.has(value) ? `; alone they leave ${alone.get(value)!.toFixed(1)} dB at the outputs` : '')
  const onData: Weight[] = []
  for (const { weight, grid, notOnData } of wanted) {
    const { value, tensor } = weight
    const own = bits.get(value)!
    if (own === FLOAT16) {
      const lost = roundToFloat16(value, tensor)
      if (lost) report.skipped.push({ at: value.name, why: `8 bits would cost too much, and ${lost}` })
      else report.changed.push({ at: value.name, what: `${tensor.size} weights in float16: 8 bits would cost too much${costs(value)}` })
      continue
    }
    if (method && !notOnData) {
      onData.push(weight)
      continue
    }
    const { data, quantization } = roundToGrid(weight, grid, own, options)
    value.graph.setTensor(value, Tensor.float32(tensor.dims, data))
    value.quantization = quantization
    const what = `${tensor.size} weights of ${own} bits, ${describeGrid(tensor.dims, grid)}${costs(value)}`
    report.changed.push({ at: value.name, what: notOnData ? `${what}, to the nearest: ${notOnData}` : what })
  }
  if (!method || onData.length === 0) return
  const quality = await roundOnData(onData, grams, bits, method, context)
  for (const [{ value, tensor }, sqnr] of quality) {
    const what = `${tensor.size} weights of ${bits.get(value)} bits, a scale for each output; the layer's own error is at ${sqnr.toFixed(1)} dB`
    report.changed.push({ at: value.name, what: `${what}${costs(value)}` })
  }
}

function tensorsOf(model: Model): Map<Value, Tensor> {
  return new Map(weightsOf(model).map(({ value, tensor }) => [value, tensor]))
}

function rememberLatent(model: Model, before: ReadonlyMap<Value, Tensor>): void {
  for (const { value } of weightsOf(model))
    if (value.quantization?.kind === 'integer') value.quantization = { ...value.quantization, latent: before.get(value)! }
}

function dataRounding({ rounding }: ResolvedOptions): DataRounding | undefined {
  return rounding === 'gptq' || rounding === 'adaround' ? rounding : undefined
}

/** The weights that are rounded; all others are named in the report. */
function weightsToRound(model: Model, options: ResolvedOptions, report: Report): Wanted[] {
  const seen = new Set<Value>()
  const wanted: Wanted[] = []
  for (const weight of weightsOf(model)) {
    const { value, outputAxis } = weight
    if (seen.has(value)) continue
    seen.add(value)
    const why = reasonToKeep(weight, options.minSize)
    if (why) {
      report.skipped.push({ at: value.name, why })
      continue
    }
    const grid = scaleGridOf(weight, axisShared(model, value, outputAxis), options)
    const old = value.quantization
    if (old && 'bits' in old && hasGrid(old, grid, options.allocation === 'mixed' ? old.bits : options.bits, options)) {
      report.skipped.push({ at: value.name, why: `it has ${old.bits} bits already` })
      continue
    }
    wanted.push({ weight, grid, notOnData: dataRounding(options) && whyNoRows(weight) })
  }
  return wanted
}

function reasonToKeep({ value, role }: Weight, minSize: number): string | undefined {
  if (role !== 'kernel' && role !== 'recurrent' && role !== 'embedding')
    return role === 'statistics' ? 'statistics: they weigh little and matter much' : `a ${role}: it weighs little and matters much`
  const tensor = value.tensor
  if (!tensor) return 'not an initializer; run simplify first'
  if (tensor.type !== 'float32') return `its elements are ${tensor.type}, not float32`
  if (tensor.size < minSize) return `only ${tensor.size} elements, fewer than minSize ${minSize}`
  if (!tensor.toFloat32().every(Number.isFinite)) return 'it has values that are not finite'
  return undefined
}

/** The axis of a weight's scales: its output channels, where all who read it agree on them. */
function axisShared(model: Model, value: Value, outputAxis: number | undefined): number | undefined {
  if (value.uses.length <= 1) return outputAxis
  const axes = new Set(weightsOf(model).flatMap((weight) => (weight.value === value ? [weight.outputAxis] : [])))
  return axes.size === 1 ? outputAxis : undefined
}

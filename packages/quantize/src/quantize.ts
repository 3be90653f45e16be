import { type Context, type Model, type Report, Tensor, type Transform, type Value, type Weight, weightsOf } from '@whittle/ir'
import { annotateActivations } from './activations.ts'
import { type QuantizeOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { roundOnData, whyNotOnData } from './rounding.ts'
import { quantizeTensor } from './weights.ts'

/**
 * Rounds kernels, recurrent weights and embeddings to symmetric grids, one scale for each output channel, and gives the activations around
 * Conv, Gemm and MatMul an unsigned grid from calibration data. It only annotates: which node computes in integers, and which only stores
 * them, is decided by the compiler for each target.
 */
export function quantize(options: QuantizeOptions = {}): Transform {
  const resolved = resolveOptions(options)
  const { activations } = resolved
  return {
    name: 'quantize',
    options: { ...resolved },
    async run(model: Model, context: Context): Promise<Report> {
      const report: Report = { changed: [], skipped: [] }
      // Ranges are those of the model before its weights are rounded.
      if (activations !== null) await annotateActivations(model, activations, resolved, context, report)
      await quantizeWeights(model, resolved, context, report)
      return report
    },
  }
}

async function quantizeWeights(model: Model, options: ResolvedOptions, context: Context, report: Report): Promise<void> {
  const onData: Weight[] = []
  const seen = new Set<Value>()
  for (const weight of weightsOf(model)) {
    const { value, outputAxis } = weight
    if (seen.has(value)) continue
    seen.add(value)
    const why = reasonToKeep(weight, options.minSize)
    if (why) {
      report.skipped.push({ at: value.name, why })
      continue
    }
    const tensor = value.tensor!
    const axis = options.granularity === 'tensor' ? undefined : axisShared(model, value, outputAxis)
    const old = value.quantization
    if (old?.kind === 'integer' && old.bits === options.bits && old.axis === axis) {
      report.skipped.push({ at: value.name, why: `it has ${old.bits} bits already` })
      continue
    }
    const notOnData = options.rounding === 'gptq' ? whyNotOnData(weight) : undefined
    if (options.rounding === 'gptq' && !notOnData) {
      onData.push(weight)
      continue
    }
    const { data, quantization } = quantizeTensor(tensor.toFloat32(), tensor.dims, { bits: options.bits, range: options.range, axis })
    value.graph.setTensor(value, Tensor.float32(tensor.dims, data))
    value.quantization = quantization
    const scales = axis === undefined ? 'one scale' : `${quantization.scale.length} scales on axis ${axis}`
    report.changed.push({
      at: value.name,
      what: `${tensor.size} weights of ${options.bits} bits, ${scales}${notOnData ? `, to the nearest: ${notOnData}` : ''}`,
    })
  }
  if (onData.length === 0) return
  const quality = await roundOnData(model, onData, options.bits, context)
  for (const [{ value, tensor }, sqnr] of quality) {
    const what = `${tensor.size} weights of ${options.bits} bits, a scale for each output; the layer's own error is at ${sqnr.toFixed(1)} dB`
    report.changed.push({ at: value.name, what })
  }
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

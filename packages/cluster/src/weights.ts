import { type Model, type Report, type Value, type Weight, weightsOf } from '@whittle/ir'
import { whyNoRows } from '@whittle/statistics'
import type { ResolvedOptions } from './options.ts'

/** A weight whose elements will share values. */
export interface Wanted {
  readonly weight: Weight
  /** Whether its output channels are rows of which each may have a scale. */
  readonly channels: boolean
  /** Whether what its layer is fed with is measured for it. */
  readonly onData: boolean
  /** Why the nearest values are taken though those of least change in the output were asked for. */
  readonly notOnData: string | undefined
}

/** So many weights at least for each value that they share: with fewer, the values weigh about as much as the weights. */
const LEAST_SHARE = 4

/** The weights to cluster; all others are named in the report. */
export function weightsToCluster(model: Model, options: ResolvedOptions, report: Report): Wanted[] {
  const seen = new Set<Value>()
  const wanted: Wanted[] = []
  for (const weight of weightsOf(model)) {
    const { value } = weight
    if (seen.has(value)) continue
    seen.add(value)
    const why = reasonToKeep(weight, options)
    if (why) {
      report.skipped.push({ at: value.name, why })
      continue
    }
    const { outputAxis, tensor } = weight
    const channels = value.uses.length === 1 && (outputAxis === 0 || (outputAxis === 1 && tensor.dims.length === 2))
    const notOnData = options.method === 'feedback' ? whyNoRows(weight) : undefined
    wanted.push({ weight, channels, onData: options.method === 'feedback' && !notOnData, notOnData })
  }
  return wanted
}

function reasonToKeep({ value, role }: Weight, { values, minSize }: ResolvedOptions): string | undefined {
  if (role !== 'kernel' && role !== 'recurrent' && role !== 'embedding')
    return role === 'statistics' ? 'statistics: they weigh little and matter much' : `a ${role}: it weighs little and matters much`
  const { tensor, quantization } = value
  if (!tensor) return 'not an initializer; run simplify first'
  if (tensor.type !== 'float32') return `its elements are ${tensor.type}, not float32`
  if (quantization?.kind === 'codebook') {
    const shared = quantization.levels.length
    if (values === 'auto' || shared <= values) return `it shares ${shared} values already`
  } else if (quantization) return `it is ${'bits' in quantization ? `in ${quantization.bits} bits` : quantization.kind} already`
  if (tensor.size < minSize) return `only ${tensor.size} elements, fewer than minSize ${minSize}`
  if (values !== 'auto' && tensor.size < LEAST_SHARE * values) return `only ${tensor.size} elements for ${values} values`
  if (!tensor.toFloat32().every(Number.isFinite)) return 'it has values that are not finite'
  return undefined
}

import {
  type Context,
  type Model,
  type Report,
  Tensor,
  type Transform,
  type Value,
  fromFloat16Bits,
  invalidOption,
  toFloat16Bits,
} from '@whittle/ir'
import { markLargeActivations } from './half-range.ts'
import { unfoldStoredWeights } from './sources.ts'

export interface Float16Options {
  /** Constants of fewer elements are left alone. @default 16 */
  minSize?: number
}

export const FLOAT16_DEFAULTS = { minSize: 16 } as const satisfies Float16Options

/**
 * Rounds float32 constants to float16. A constant that float16 cannot hold (a value over 65504, or nothing but values that would
 * become zero) stays float32 and is named. With calibration data, so are the activations that float16 cannot hold. Which constants are only stored so, and which compute so, is decided by the compiler for each target.
 */
export function float16(options: Float16Options = {}): Transform {
  const minSize = options.minSize ?? FLOAT16_DEFAULTS.minSize
  if (!(Number.isInteger(minSize) && minSize >= 0)) throw invalidOption('float16', 'minSize', 'a whole number of elements', minSize)
  return {
    name: 'float16',
    options: { minSize },
    async run(model: Model, context: Context): Promise<Report> {
      const report: Report = { changed: [], skipped: [] }
      unfoldStoredWeights(model)
      await markLargeActivations(model, context, report)
      for (const value of model.initializers()) {
        const tensor = value.tensor!
        if (tensor.type !== 'float32') continue
        const why = reasonToKeep(value, minSize)
        if (why) {
          report.skipped.push({ at: value.name, why })
          continue
        }
        const lost = roundToFloat16(value, tensor)
        if (lost) {
          report.skipped.push({ at: value.name, why: lost })
          continue
        }
        const vanished = countVanished(tensor)
        const what = `${tensor.size} values in float16${vanished > 0 ? `, of which ${vanished} are too small for it and became zero` : ''}`
        report.changed.push({ at: value.name, what })
      }
      return report
    },
  }
}

/** Values of less than half of the least subnormal float16, 2^-24, and not zero. */
function countVanished(tensor: Tensor): number {
  let count = 0
  for (const item of tensor.toFloat32()) if (item !== 0 && Math.abs(item) <= 2 ** -25) count++
  return count
}

/** Rounds a constant and says so on it. @returns why it could not be, and was left alone. */
export function roundToFloat16(value: Value, tensor: Tensor): string | undefined {
  const data = tensor.toFloat32()
  const rounded = data.map((item) => fromFloat16Bits(toFloat16Bits(item)))
  const lost = rounded.findIndex((item) => !Number.isFinite(item))
  if (lost >= 0) return `float16 cannot hold its value ${data[lost]}`
  if (rounded.every((item) => item === 0) && data.some((item) => item !== 0)) return 'float16 cannot hold values as small as all of its own'
  value.graph.setTensor(value, Tensor.float32(tensor.dims, rounded))
  value.quantization = { kind: 'float16' }
  return undefined
}

function reasonToKeep(value: Value, minSize: number): string | undefined {
  const { quantization } = value
  if (quantization?.kind === 'integer' || quantization?.kind === 'codebook') return `it has ${quantization.bits} bits`
  if (quantization) return `it is in ${quantization.kind} already`
  if (value.isInput) return "an input: its default is the caller's to change"
  const size = value.tensor!.size
  return size < minSize ? `only ${size} elements, fewer than minSize ${minSize}` : undefined
}

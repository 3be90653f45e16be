import { type Model, type Report, Tensor, type Transform, type Value, type Weight, invalidOption, weightsOf } from '@whittle/ir'
import { magnitudeMask } from './magnitude.ts'
import { patternMask } from './pattern.ts'

/** Where the share is counted: in each tensor, or over all of them together. */
export type PruneScope = 'tensor' | 'global'

export interface PruneOptions {
  /** Share of the weights that become zero, in (0, 1). @default 0.5 */
  ratio?: number
  /** @default 'tensor' */
  scope?: PruneScope
  /** `'2:4'`: of every 4 neighbours along the input channels 2 are kept. Takes the place of `ratio`. */
  pattern?: string
  /** Tensors of fewer elements are left alone: they weigh little and matter much. @default 256 */
  minSize?: number
}

export const PRUNE_DEFAULTS = { ratio: 0.5, scope: 'tensor', minSize: 256 } as const satisfies PruneOptions

/**
 * Sets the weights of least magnitude to zero. Kernels and recurrent weights are pruned; biases, scales, statistics and embeddings are left
 * alone. Zeros make a download smaller; no runtime of the web computes faster with them.
 */
export function prune(options: PruneOptions = {}): Transform {
  const { ratio, scope, minSize } = { ...PRUNE_DEFAULTS, ...withoutUndefined(options) }
  const pattern = options.pattern === undefined ? undefined : parsePattern(options.pattern)
  if (!(typeof ratio === 'number' && ratio > 0 && ratio < 1)) throw invalidOption('prune', 'ratio', 'a number in (0, 1)', ratio)
  if (scope !== 'tensor' && scope !== 'global') throw invalidOption('prune', 'scope', "'tensor' or 'global'", scope)
  if (!(Number.isInteger(minSize) && minSize >= 0)) throw invalidOption('prune', 'minSize', 'a whole number of elements', minSize)
  return {
    name: 'prune',
    options: pattern ? { pattern: `${pattern.keep}:${pattern.of}`, minSize } : { ratio, scope, minSize },
    run(model: Model): Report {
      const report: Report = { changed: [], skipped: [] }
      const weights = prunable(model, minSize, report)
      const data = weights.map((weight) => weight.value.tensor!.toFloat32())
      const masks = pattern ? data.map((tensor, index) => maskByPattern(tensor, weights[index]!, pattern, report)) : maskByRatio(data, ratio, scope)
      weights.forEach((weight, index) => {
        const mask = masks[index]
        if (mask) zero(weight.value, data[index]!, mask, report)
      })
      return report
    },
  }
}

interface Pattern {
  keep: number
  of: number
}

function parsePattern(text: string): Pattern {
  const match = /^(\d+):(\d+)$/.exec(text)
  const [keep, of] = [Number(match?.[1]), Number(match?.[2])]
  if (!match || !(keep > 0 && keep < of && of <= 64)) throw invalidOption('prune', 'pattern', "two numbers such as '2:4'", text)
  return { keep, of }
}

/** Each weight tensor once, with the reason for each that is left alone. */
function prunable(model: Model, minSize: number, report: Report): Weight[] {
  const seen = new Set<Value>()
  return weightsOf(model).filter((weight) => {
    const { value } = weight
    if (seen.has(value)) return false
    seen.add(value)
    const why = reasonToKeep(weight, minSize)
    if (why) report.skipped.push({ at: value.name, why })
    return !why
  })
}

function reasonToKeep({ value, role }: Weight, minSize: number): string | undefined {
  if (role !== 'kernel' && role !== 'recurrent') return `${role === 'embedding' ? 'an' : 'a'} ${role}, not a kernel`
  if (!value.tensor) return 'not an initializer; run simplify first'
  if (value.tensor.type !== 'float32') return `its elements are ${value.tensor.type}, not float32`
  if (value.tensor.size < minSize) return `only ${value.tensor.size} elements, fewer than minSize ${minSize}`
  return undefined
}

function maskByRatio(data: Float32Array[], ratio: number, scope: PruneScope): Uint8Array[] {
  const groups = scope === 'global' ? [data] : data.map((tensor) => [tensor])
  return groups.flatMap((group) => {
    const total = group.reduce((sum, tensor) => sum + tensor.length, 0)
    return magnitudeMask(group, Math.floor(total * ratio))
  })
}

function maskByPattern(tensor: Float32Array, weight: Weight, pattern: Pattern, report: Report): Uint8Array | undefined {
  const dims = weight.value.tensor!.dims
  const { inputAxis } = weight
  if (inputAxis === undefined || dims[inputAxis]! < pattern.of) {
    report.skipped.push({ at: weight.value.name, why: `fewer than ${pattern.of} input channels` })
    return undefined
  }
  const product = (part: readonly number[]): number => part.reduce((a, b) => a * b, 1)
  const shape = { outer: product(dims.slice(0, inputAxis)), axis: dims[inputAxis]!, inner: product(dims.slice(inputAxis + 1)) }
  return patternMask(tensor, shape, pattern.of - pattern.keep, pattern.of)
}

function zero(value: Value, data: Float32Array, mask: Uint8Array, report: Report): void {
  let zeros = 0
  let changed = false
  const pruned = data.map((item, index) => {
    if (mask[index]) {
      changed ||= item !== 0
      return 0
    }
    return item
  })
  if (!changed) {
    report.skipped.push({ at: value.name, why: 'it has as many zeros already' })
    return
  }
  for (const item of pruned) if (item === 0) zeros++
  value.graph.setTensor(value, Tensor.float32(value.tensor!.dims, pruned))
  report.changed.push({ at: value.name, what: `${zeros} of ${data.length} weights are zero` })
}

function withoutUndefined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}

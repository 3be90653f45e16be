import {
  type Context,
  type Model,
  type Report,
  Tensor,
  type Transform,
  type Value,
  type Weight,
  type WeightRole,
  invalidOption,
  weightsOf,
} from '@whittle/ir'
import { type ChannelOptions, pruneChannels } from './channels/prune-channels.ts'
import { magnitudeMask } from './magnitude.ts'
import { pruneByCurvature, whyNoCurvature } from './obs.ts'
import { patternMask } from './pattern.ts'
import type { Pattern } from './sweep-pattern.ts'

/** Where the share is counted: in each tensor, or over all of them together. */
export type PruneScope = 'tensor' | 'global'

/** How the weights that go are found, and what becomes of the others. */
export type PruneMethod = 'magnitude' | 'obs'

/** What goes: single weights, which become zero, or whole channels, which are removed with all that makes and reads them. */
export type PruneGranularity = 'weight' | 'channel'

export interface PruneOptions {
  /** @default 'channel' where `macs` is given, else 'weight' */
  granularity?: PruneGranularity
  /**
   * `'magnitude'` takes the least and needs nothing; `'obs'` (optimal brain surgeon) takes those that change their layer's output least, lets
   * the others make up for them, and needs calibration data and an engine. @default 'magnitude'
   */
  method?: PruneMethod
  /** Share of the weights that become zero, or of the channels that go, in (0, 1). @default 0.5 */
  ratio?: number
  /**
   * Whether each tensor loses the same share, or those lose more that matter less: by magnitude over all of them, or, with `'obs'`, by the
   * error that arrives at the model's outputs, which is measured for each tensor. @default 'global' for `'obs'`, else 'tensor'
   */
  scope?: PruneScope
  /** `'2:4'`: of every 4 neighbours along the input channels 2 are kept. Takes the place of `ratio` and `scope`. */
  pattern?: string
  /** Tensors of fewer elements are left alone: they weigh little and matter much. For weights only. @default 256 */
  minSize?: number
  /** Share of the model's multiply-accumulates that is left, in (0, 1): so many channels go. Takes the place of `ratio`. */
  macs?: number
  /** How many channels a layer keeps is a multiple of it. For channels only. @default 4 */
  multiple?: number
}

export const PRUNE_DEFAULTS = { method: 'magnitude', ratio: 0.5, minSize: 256, multiple: 4 } as const satisfies PruneOptions

/**
 * Sets the weights that matter least to zero, or removes whole channels. Zeros make a download smaller, and no runtime of the web computes faster
 * with them: biases, scales, statistics and embeddings are left alone. Fewer channels make a smaller model of the same form, which is faster everywhere.
 */
export function prune(options: PruneOptions = {}): Transform {
  const { granularity = options.macs === undefined ? 'weight' : 'channel' } = options
  if (granularity !== 'weight' && granularity !== 'channel')
    throw invalidOption('prune', 'granularity', "'weight' or 'channel'", granularity)
  return granularity === 'channel' ? channels(options) : weights(options)
}

function channels(options: PruneOptions): Transform {
  const { method, ratio, scope, macs, multiple } = {
    ...PRUNE_DEFAULTS,
    scope: options.method === 'obs' ? ('global' as const) : ('tensor' as const),
    macs: undefined,
    ...withoutUndefined(options),
  }
  for (const name of ['pattern', 'minSize'] as const)
    if (options[name] !== undefined) throw invalidOption('prune', name, "nothing with granularity 'channel'", options[name])
  if (macs !== undefined && options.ratio !== undefined) throw invalidOption('prune', 'ratio', 'nothing beside macs', ratio)
  checkShared(method, ratio, scope)
  if (macs !== undefined && !(typeof macs === 'number' && macs > 0 && macs < 1))
    throw invalidOption('prune', 'macs', 'a number in (0, 1)', macs)
  if (!(Number.isInteger(multiple) && multiple >= 1)) throw invalidOption('prune', 'multiple', 'a whole number of channels', multiple)
  const goal: ChannelOptions['goal'] = macs === undefined ? { ratio } : { macs }
  return {
    name: 'prune',
    options: { granularity: 'channel', method, ...goal, scope, multiple },
    async run(model, context): Promise<Report> {
      const report: Report = { changed: [], skipped: [] }
      await pruneChannels(model, { method, scope, goal, multiple }, context, report)
      return report
    },
  }
}

function checkShared(method: PruneMethod, ratio: number, scope: PruneScope): void {
  if (!(typeof ratio === 'number' && ratio > 0 && ratio < 1)) throw invalidOption('prune', 'ratio', 'a number in (0, 1)', ratio)
  if (method !== 'magnitude' && method !== 'obs') throw invalidOption('prune', 'method', "'magnitude' or 'obs'", method)
  if (scope !== 'tensor' && scope !== 'global') throw invalidOption('prune', 'scope', "'tensor' or 'global'", scope)
}

function weights(options: PruneOptions): Transform {
  for (const name of ['macs', 'multiple'] as const)
    if (options[name] !== undefined) throw invalidOption('prune', name, "nothing with granularity 'weight'", options[name])
  const given = { ...PRUNE_DEFAULTS, ...withoutUndefined(options) }
  const { method, ratio, minSize, scope = method === 'obs' ? 'global' : 'tensor' } = given as Required<PruneOptions>
  const pattern = options.pattern === undefined ? undefined : parsePattern(options.pattern)
  checkShared(method, ratio, scope)
  if (!(Number.isInteger(minSize) && minSize >= 0)) throw invalidOption('prune', 'minSize', 'a whole number of elements', minSize)
  return {
    name: 'prune',
    options: pattern ? { method, pattern: `${pattern.keep}:${pattern.of}`, minSize } : { method, ratio, scope, minSize },
    async run(model: Model, context: Context): Promise<Report> {
      const report: Report = { changed: [], skipped: [] }
      const all = prunable(model, minSize, report)
      // Why a weight goes by magnitude though 'obs' was asked for.
      const fallback = new Map(all.map((weight) => [weight, method === 'obs' ? whyNoCurvature(weight) : undefined]))
      const weights = method === 'obs' ? all.filter((weight) => fallback.get(weight)) : all
      const able = all.filter((weight) => !weights.includes(weight))
      const curved = pattern ? withoutPattern(able, pattern, report) : withoutShare(able, ratio, scope, report)
      if (curved.length > 0) await pruneByCurvature(model, curved, pattern ?? { ratio, scope }, context, report)
      const data = weights.map((weight) => weight.value.tensor!.toFloat32())
      const masks = pattern
        ? data.map((tensor, index) => maskByPattern(tensor, weights[index]!, pattern, report))
        : maskByRatio(data, ratio, scope)
      weights.forEach((weight, index) => {
        const mask = masks[index]
        if (mask) zero(weight.value, data[index]!, mask, fallback.get(weight), report)
      })
      return report
    },
  }
}

/** Those that have fewer zeros than are asked for: where all have them, a second run changes nothing. */
function withoutShare(weights: readonly Weight[], ratio: number, scope: PruneScope, report: Report): Weight[] {
  const zerosOf = ({ value }: Weight): number => value.tensor!.toFloat32().reduce((sum, item) => sum + (item === 0 ? 1 : 0), 0)
  const pools = scope === 'global' ? [weights] : weights.map((weight) => [weight])
  return pools.flatMap((pool) => {
    const size = pool.reduce((sum, { value }) => sum + value.tensor!.size, 0)
    const zeros = pool.reduce((sum, weight) => sum + zerosOf(weight), 0)
    if (zeros < Math.floor(size * ratio)) return pool
    for (const { value } of pool) report.skipped.push({ at: value.name, why: 'it has as many zeros already' })
    return []
  })
}

/** Those that can have the pattern and do not have it yet. */
function withoutPattern(weights: readonly Weight[], pattern: Pattern, report: Report): Weight[] {
  return weights.filter(({ value }, index) => {
    const data = value.tensor!.toFloat32()
    const mask = maskByPattern(data, weights[index]!, pattern, report)
    if (!mask) return false
    if (data.some((item, at) => mask[at] === 1 && item !== 0)) return true
    report.skipped.push({ at: value.name, why: 'it has as many zeros already' })
    return false
  })
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

const ARTICLES: Readonly<Partial<Record<WeightRole, string>>> = { embedding: 'an ', statistics: '' }

function reasonToKeep({ value, role }: Weight, minSize: number): string | undefined {
  if (role !== 'kernel' && role !== 'recurrent') return `${ARTICLES[role] ?? 'a '}${role}, not a kernel`
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

function zero(value: Value, data: Float32Array, mask: Uint8Array, fallback: string | undefined, report: Report): void {
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
  report.changed.push({
    at: value.name,
    what: `${zeros} of ${data.length} weights are zero${fallback ? `, by magnitude: ${fallback}` : ''}`,
  })
}

function withoutUndefined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}

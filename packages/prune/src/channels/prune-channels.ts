import { type Context, DatasetError, type Model, type Report, inferShapes } from '@whittle/ir'
import { held, sensitivities } from '@whittle/statistics'
import { costOf } from './cost.ts'
import { type Component, type Dependencies, type Siblings, dependenciesOf } from './dependencies.ts'
import { type KernelAxis, kernelAxesOf, kernelsOf } from './kernel-axes.ts'
import { magnitudes } from './magnitude.ts'
import { type RemovalOrder, removalOrders } from './removal-order.ts'
import { reconstruct } from './reconstruct.ts'
import { type Kept, keptOf, removeIndices } from './remove.ts'
import { type Candidate, type Goal, LEAST, leastOf, shareBySensitivity, shareEvenly } from './share.ts'

export interface ChannelOptions {
  readonly method: 'magnitude' | 'obs'
  readonly scope: 'tensor' | 'global'
  readonly goal: Goal
  /** How many channels are left is a multiple of it. */
  readonly multiple: number
}

/** Removes whole channels: fewer multiply-accumulates, and a graph that is smaller but of the same form. */
export async function pruneChannels(model: Model, options: ChannelOptions, given: Context, report: Report): Promise<void> {
  const onData = options.method === 'obs'
  if (onData && (!given.engine || !given.calibration))
    throw new DatasetError(
      'CALIBRATION_MISSING',
      "method 'obs' needs calibration data and an engine; give them, or take method 'magnitude'",
    )
  const context = onData ? { ...given, calibration: await held(given.calibration!) } : given
  inferShapes(model)
  const dependencies = dependenciesOf(model)
  const kernels = kernelAxesOf(model, dependencies)
  const candidates = await candidatesOf(model, kernels, options, context)
  const share = options.scope === 'global' ? shareBySensitivity : shareEvenly
  const cost = costOf(model, dependencies.siblings, onData ? await sizesOf(model, context) : {})
  const counts = share(candidates, options.goal, cost)
  const removed = candidates.flatMap(({ set, order }) => chosen(set, order, counts.get(set)!))
  const kept = keptOf(removed)
  describe(model, dependencies, kept, candidates, options, report)
  if (removed.length === 0) return
  const original = model.clone()
  removeIndices(model, kept)
  if (onData) await reconstruct(model, original, kept, context, report)
}

const chosen = ({ components }: Siblings, order: readonly number[], count: number): Component[] =>
  order.slice(0, count).map((at) => components[at]!)

/** The sets of which a kernel makes or reads the channels, each with an order. */
async function candidatesOf(
  model: Model,
  kernels: ReadonlyMap<Siblings, readonly KernelAxis[]>,
  { method, scope, goal, multiple }: ChannelOptions,
  context: Context,
): Promise<Candidate[]> {
  const withKernels = new Map([...kernels].filter(([, axes]) => axes.length > 0))
  const orders = method === 'obs' ? await removalOrders(model, withKernels, LEAST, context) : new Map<Siblings, RemovalOrder>()
  const candidates = [...withKernels].map(([set, axes]): Candidate => {
    const { scores, order } = orders.get(set) ?? bySize(magnitudes(set, axes))
    return { set, scores, order, factor: 1, step: stepOf(set, axes, multiple) }
  })
  if (method !== 'obs' || scope !== 'global') return candidates
  const trials = candidates.map(({ set, order, scores }) => {
    const count = Math.max(1, Math.floor(set.components.length * ('ratio' in goal ? goal.ratio : (1 - goal.macs) / 2)))
    const kept = keptOf(chosen(set, order, Math.min(count, set.components.length - 1)))
    return {
      apply: (copy: Model) => removeIndices(copy, inCopy(copy, kept)),
      error: order.slice(0, count).reduce((sum, at) => sum + scores[at]!, 0),
    }
  })
  const factors = await sensitivities(model, trials, context)
  return candidates.map((candidate, at) => (factors.some((factor) => factor > 0) ? { ...candidate, factor: factors[at]! } : candidate))
}

const bySize = (scores: Float64Array): RemovalOrder => ({
  scores,
  order: [...scores.keys()].sort((a, b) => scores[a]! - scores[b]! || a - b),
})

/** The same indices of a copy's values. */
function inCopy(copy: Model, kept: Kept): Kept {
  const byName = new Map([...kept].map(([value, axes]) => [value.name, axes]))
  const result = new Map<Kept extends ReadonlyMap<infer V, unknown> ? V : never, ReadonlyMap<number, readonly number[]>>()
  for (const graph of copy.graphs())
    for (const value of [...graph.initializers, ...graph.nodes.flatMap((node) => node.outputs)]) {
      const axes = value && byName.get(value.name)
      if (axes) result.set(value, axes)
    }
  return result
}

/** A component of many indices (a head, what is flattened of a channel) is a multiple of as many. */
function stepOf({ components }: Siblings, axes: readonly KernelAxis[], multiple: number): number {
  const least = Math.min(...axes.map(({ axis }) => components[0]!.indices.get(axis)!.length))
  return Math.ceil(multiple / least)
}

/** Free dimensions as the first sample has them. */
async function sizesOf(model: Model, context: Context): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {}
  for await (const { inputs } of context.calibration!.samples()) {
    for (const { name, shape } of model.graph.inputs)
      shape?.forEach((dim, axis) => typeof dim === 'string' && inputs[name] && (sizes[dim] = inputs[name].dims[axis]!))
    break
  }
  return sizes
}

/** What each kernel loses, and why others keep all. */
function describe(
  model: Model,
  dependencies: Dependencies,
  kept: Kept,
  candidates: readonly Candidate[],
  { goal, multiple }: ChannelOptions,
  report: Report,
): void {
  const wanted = 'ratio' in goal ? goal.ratio : 0
  const limits = new Map(
    candidates.flatMap((candidate) => {
      const size = candidate.set.components.length
      const least = leastOf(candidate)
      const isLimited = size === least || size * (1 - wanted) < least - candidate.step / 2
      const why = size === least ? `it has ${size} channels, no more than are kept` : `${least} channels are kept at least`
      return isLimited ? candidate.set.axes.map((axis) => [axis, why] as const) : []
    }),
  )
  const seen = new Set<string>()
  for (const { value, tensor, outputAxis, inputAxis } of kernelsOf(model)) {
    if (seen.has(value.name)) continue
    seen.add(value.name)
    const lost = (
      [
        ['output', outputAxis],
        ['input', inputAxis],
      ] as const
    ).flatMap(([side, at]) => {
      // prettier-ignore
      const left = at === undefined ? undefined : kept.get(value)?.get(at)
      return left ? [`${tensor.dims[at!]! - left.length} of ${tensor.dims[at!]} ${side} channels`] : []
    })
    if (lost.length > 0) report.changed.push({ at: value.name, what: `${lost.join(' and ')} went` })
    const axis = outputAxis === undefined ? undefined : dependencies.axisOf(value, outputAxis)
    const limit = axis && limits.get(axis)
    if (limit) report.skipped.push({ at: value.name, why: limit })
    else if (!axis || !kept.get(value)?.has(outputAxis!))
      report.skipped.push({ at: value.name, why: whyWhole(dependencies, axis, multiple) })
  }
}

function whyWhole({ whyPinned }: Dependencies, axis: ReturnType<Dependencies['axisOf']>, multiple: number): string {
  if (!axis) return 'it has one output channel'
  for (let index = 0; index < axis.length; index++) {
    const why = whyPinned(axis, index)
    if (why !== undefined) return `its output channels stay: ${why}`
  }
  return `other channels matter less, or fewer than ${multiple} would go`
}

import { type Graph, type Model, type Node, type Target, type Value, WhittleError, byteLengthOf, inferShapes } from '@whittle/ir'
import { type ForecastCost, costOf } from './forecast-cost.ts'
import { type Side, countPartitions } from './forecast-partitions.ts'
import { Placement, foldedNodes, isConstant } from './forecast-placement.ts'

/** Where the nodes of a model run on a target, as far as tables can tell; see {@link forecast}. */
export interface Forecast {
  readonly target: string
  /** Whether this comes from tables alone: true for all but wasm, whose provider runs everything. */
  readonly untested: boolean
  readonly nodes: {
    /** On the target's provider. */
    readonly provider: number
    /** On the CPU, though its provider was asked for. */
    readonly cpu: number
    /** On the CPU, where they belong: they compute sizes from sizes. */
    readonly shape: number
    /** Computed once, when the session is made. */
    readonly folded: number
  }
  /** Stretches of nodes that the provider runs without waiting for the CPU. */
  readonly partitions: number
  /** What the nodes of one side give and those of the other read, in one run; the model's own inputs and outputs are not in it. */
  readonly crossing: {
    readonly values: number
    readonly bytes: number
    /** Whether all of their sizes are known; free dimensions count as 1. */
    readonly exact: boolean
  }
  /** At the least, against running all on wasm; absent for wasm itself. */
  readonly cost?: ForecastCost
  /**
   * Whether the target is worth it: `fails` where a session is not made or a run fails, `poor` where it is slower than wasm even if its provider
   * took no time. `well` says no more than that neither is forecast.
   */
  readonly verdict: 'well' | 'poor' | 'fails'
  /** Why each node of `nodes.cpu` is there. */
  readonly fallbacks: readonly { readonly at: string; readonly why: string }[]
  /** Sentences that a user must see. */
  readonly warnings: readonly string[]
}

/**
 * Stretches beyond which a target is said to run a model poorly. Each one makes the CPU wait for the device and the device for the CPU, once in
 * a run. What comes before, between and after a network's parts may break it into a few; more come of an op that recurs with every
 * block. No measurement stands behind the number: it tells one from the other.
 */
export const MANY_PARTITIONS = 4

/**
 * Forecasts where a lowered model runs on a target: which nodes its provider runs, which fall back to the CPU and why, into how many parts that
 * breaks it, and what is copied to and fro. From the lists of onnxruntime-web and the overlay of `@whittle/targets`: nothing is run, the
 * model stays as it is. The runtime fuses some nodes afterwards, so that it counts fewer.
 * @param shapes the inputs' dims at a typical run, by name.
 */
export function forecast(model: Model, target: Target, shapes: Readonly<Record<string, readonly number[]>> = {}): Forecast {
  const copy = sized(model, shapes)
  // A typical run's sizes are not known yet when the session is made, but where the target takes no others.
  const early = sized(model)
  const foldedEarly = foldedNodes(early.nodes(), target.staticShapes)
  const isFolded = [...early.nodes()].map((node) => foldedEarly.has(node))
  const folded = new Set([...copy.nodes()].filter((_, index) => isFolded[index]))
  const live = [...copy.nodes()].filter((node) => !folded.has(node))
  const placement = new Placement(target, folded)
  const obstacles = new Map(live.map((node) => [node, placement.obstacle(node)]))
  const onProvider = (node: Node): boolean => obstacles.get(node) === undefined
  const shapeNodes = nodesOfShapes(live, folded, onProvider)
  const free = nodesOfShapes(live, folded, onProvider, (node) => !onProvider(node))
  const sideOf = (node: Node): Side => (onProvider(node) ? 'provider' : free.has(node) ? 'free' : 'cpu')
  const fallbacks = live.flatMap((node) => {
    const obstacle = obstacles.get(node)
    return obstacle && !shapeNodes.has(node) ? [{ at: node.describe(), ...obstacle }] : []
  })
  const provider = live.filter(onProvider).length
  const partitions = partitionsOf(copy.graph, folded, sideOf)
  const crossing = crossingOf(live, placement, onProvider)
  const cost = costOf(copy, target, { live, onProvider, partitions, bytes: crossing.bytes })
  const fatal = fallbacks.filter((entry) => entry.fatal)
  const verdict: Forecast['verdict'] = fatal.length > 0 ? 'fails' : (cost?.relative ?? 0) >= 1 ? 'poor' : 'well'
  const result = {
    target: target.name,
    untested: target.provider !== 'wasm',
    nodes: { provider, cpu: fallbacks.length, shape: shapeNodes.size, folded: folded.size },
    partitions,
    crossing,
    ...(cost ? { cost } : {}),
    verdict,
  }
  return {
    ...result,
    fallbacks: fallbacks.map(({ at, why }) => ({ at, why })),
    warnings: [
      ...fatal.slice(0, 1).map(({ at, why }) => `${at} makes the model fail on ${target.name}: ${why}`),
      ...tooLarge(live, target),
      ...(verdict === 'poor' || partitions > MANY_PARTITIONS ? [poorly(result, fallbacks)] : []),
    ],
  }
}

/** A copy with the sizes of a typical run, as far as they can be told. */
function sized(model: Model, shapes: Readonly<Record<string, readonly number[]>> = {}): Model {
  const copy = model.clone()
  const names = new Set(copy.graph.inputs.map(({ name }) => name))
  try {
    inferShapes(copy, { dims: Object.fromEntries(Object.entries(shapes).filter(([name]) => names.has(name))) })
  } catch (error) {
    // The file's own shapes contradict one another: those that it states have to do.
    if (!(error instanceof WhittleError)) throw error
  }
  return copy
}

/** Those of a node's body come on top of its graph's, less the stretch in which the node itself is; of several bodies (If) one runs. */
function partitionsOf(graph: Graph, folded: ReadonlySet<Node>, sideOf: (node: Node) => Side): number {
  const nodes = graph.nodes.filter((node) => !folded.has(node))
  const bodies = nodes.map((node) => {
    const counts = node.subgraphs.map((body) => partitionsOf(body, folded, sideOf))
    return Math.max(0, ...counts.map((count) => (sideOf(node) === 'provider' ? count - 1 : count)))
  })
  return countPartitions(nodes, sideOf) + bodies.reduce((sum, count) => sum + count, 0)
}

/**
 * The nodes of the CPU that compute with nothing but what Shape gives, which lies in the CPU's memory, and constants.
 * @param through whether such a node may stand between Shape and another: by default on either side.
 */
function nodesOfShapes(
  live: readonly Node[],
  folded: ReadonlySet<Node>,
  onProvider: (node: Node) => boolean,
  through: (node: Node) => boolean = () => true,
): Set<Node> {
  const found = new Set<Node>()
  for (const node of live) {
    const read = node.inputs.filter((value) => value && !isConstant(value, folded))
    const ofShapes = read.every((value) => value?.producer && (value.producer.type === 'Shape' || found.has(value.producer)))
    if (read.length > 0 && ofShapes && through(node)) found.add(node)
  }
  return new Set([...found].filter((node) => !onProvider(node)))
}

function crossingOf(live: readonly Node[], placement: Placement, onProvider: (node: Node) => boolean): Forecast['crossing'] {
  const runs = new Set(live)
  let [values, bytes, exact] = [0, 0, true]
  for (const node of live)
    for (const [index, value] of node.outputs.entries()) {
      if (!value) continue
      const given = onProvider(node) && !placement.givesOnCpu(node, index)
      const crosses = value.uses.some(
        (use) => runs.has(use.node) && given !== (onProvider(use.node) && !placement.readsOnCpu(use.node, use.index)),
      )
      if (!crosses) continue
      const size = sizeOf(value)
      values++
      bytes += size.bytes
      exact &&= size.exact
    }
  return { values, bytes, exact }
}

/** Free dimensions count as 1. */
function sizeOf({ elementType, shape }: Value): { bytes: number; exact: boolean } {
  if (!elementType || !shape) return { bytes: 0, exact: false }
  const dims = shape.map((dim) => (typeof dim === 'number' ? dim : 1))
  return {
    bytes: byteLengthOf(
      elementType,
      dims.reduce((product, dim) => product * dim, 1),
    ),
    exact: elementType !== 'string' && shape.every((dim) => typeof dim === 'number'),
  }
}

/** A tensor that only some devices can hold. */
function tooLarge(live: readonly Node[], { name, limits }: Target): string[] {
  if (!limits?.binding) return []
  const values = new Set(live.flatMap((node) => [...node.inputs, ...node.outputs]))
  const large = [...values].flatMap((value) => (value && sizeOf(value).bytes > limits.binding! ? [value] : []))
  if (large.length === 0) return []
  const limit = `${limits.binding / 2 ** 20} MiB`
  return [
    `'${large[0]!.name}'${large.length > 1 ? ` and ${large.length - 1} more` : ''} takes more than the ${limit} that every device of ${name} can bind`,
  ]
}

function poorly(
  { target, nodes, partitions, crossing, cost, verdict }: Omit<Forecast, 'fallbacks' | 'warnings'>,
  fallbacks: readonly { at: string }[],
): string {
  const ops = new Map<string, number>()
  for (const { at } of fallbacks) {
    const op = at.slice(0, at.indexOf(' '))
    ops.set(op, (ops.get(op) ?? 0) + 1)
  }
  const [most] = [...ops].sort(([, a], [, b]) => b - a)
  const total = nodes.provider + nodes.cpu + nodes.shape
  const share = `${nodes.cpu + nodes.shape} of ${total} nodes are forecast to run on the CPU on ${target}`
  const what = most ? `, most of them ${most[0]}` : ''
  if (partitions === 0) return `${share}${what}: nothing is left for it to do (untested)`
  const bytes = `${crossing.exact ? '' : 'at least '}${(crossing.bytes / 1000).toFixed(1)} kB`
  const parts = `${share}${what}: that breaks it into ${partitions} parts, with ${bytes} copied in a run`
  return verdict === 'poor' && cost
    ? `${parts}, which takes at least ${cost.relative!.toFixed(1)} times as long as all takes on wasm (untested)`
    : `${parts}, and may be slower than wasm (untested)`
}

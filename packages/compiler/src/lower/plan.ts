import type { CostTable, Node, Value } from '@whittle/ir'
import type { Candidate } from './candidates.ts'
import { nearestRow } from './nearest-row.ts'

/** Sizes of values by name, at the shapes of a typical run. */
export type Sizes = ReadonlyMap<string, readonly number[]>

/** Savings below this share of the candidates' time are noise of the measurement, and not worth a rounding. */
const LEAST_GAIN = 0.03

/** How much noise integers may bring, and how much each node's bring. */
export interface NoiseLimit {
  /** Noise power at the model's outputs as a share of the signal's, by the name of the node's output. Nodes that are not here bring too much. */
  readonly noise: ReadonlyMap<string, number>
  /** The most of all chosen nodes together; noise of several nodes adds up. */
  readonly most: number
}

/**
 * Which candidates compute in integers, so that the whole takes the least time by the cost table: a node's own time, and the quantizing and
 * dequantizing where integers meet floats. Local search: single nodes are moved while that helps, from all and from none. Under a limit of
 * noise, noise has a price in time: the least price at which the limit holds.
 */
export function planIntegers(candidates: readonly Candidate[], sizes: Sizes, table: CostTable, limit?: NoiseLimit): Set<Candidate> {
  if (!limit) return fastest(candidates, sizes, table, () => 0)
  const noiseOf = ({ node }: Candidate): number => limit.noise.get(node.output.name) ?? Infinity
  const quiet = candidates.filter((candidate) => noiseOf(candidate) <= limit.most)
  let [low, high] = [-12, 24]
  let best = new Set<Candidate>()
  for (let step = 0; step < 24; step++) {
    const price = (low + high) / 2
    const chosen = fastest(quiet, sizes, table, (candidate) => 10 ** price * noiseOf(candidate))
    if ([...chosen].reduce((sum, candidate) => sum + noiseOf(candidate), 0) <= limit.most) [high, best] = [price, chosen]
    else low = price
  }
  return best
}

/** @param priceOf what a node's computing in integers costs beside its time, in microseconds. */
function fastest(
  candidates: readonly Candidate[],
  sizes: Sizes,
  table: CostTable,
  priceOf: (candidate: Candidate) => number,
): Set<Candidate> {
  const costs = new Map(candidates.map((candidate) => [candidate, nodeCost(candidate, sizes, table)]))
  const known = candidates.filter((candidate) => costs.get(candidate) !== undefined)
  const total = (chosen: ReadonlySet<Candidate>): number => {
    let sum = crossings(known, chosen, sizes, table)
    for (const candidate of known)
      sum += chosen.has(candidate) ? costs.get(candidate)!.int8 + priceOf(candidate) : costs.get(candidate)!.fp32
    return sum
  }
  const none = new Set<Candidate>()
  const floats = total(none)
  const best = [improve(new Set(known), known, total), improve(new Set(), known, total)].sort((a, b) => total(a) - total(b))[0]!
  return total(best) <= floats * (1 - LEAST_GAIN) ? best : none
}

/** Beside its product, such a node finds its input's range and rounds it, and turns its sums into floats: about twice what fixed grids take. */
const DYNAMIC_CROSSINGS = 2

/** Whether a node is faster with an input that is rounded at every run than in float32. */
export function paysDynamically(candidate: Pick<Candidate, 'node' | 'input' | 'output'>, sizes: Sizes, table: CostTable): boolean {
  const cost = nodeCost(candidate, sizes, table)
  if (!cost) return false
  const crossing =
    elements(candidate.input, sizes) * table.quantizePerMillion + elements(candidate.output, sizes) * table.dequantizePerMillion
  return cost.int8 + DYNAMIC_CROSSINGS * crossing * 1e-6 <= cost.fp32 * (1 - LEAST_GAIN)
}

function improve(
  chosen: Set<Candidate>,
  candidates: readonly Candidate[],
  total: (chosen: ReadonlySet<Candidate>) => number,
): Set<Candidate> {
  let current = total(chosen)
  for (let improved = true; improved;) {
    improved = false
    for (const candidate of candidates) {
      flip(chosen, candidate)
      const next = total(chosen)
      if (next < current - 1e-9) {
        current = next
        improved = true
      } else flip(chosen, candidate)
    }
  }
  return chosen
}

function flip(chosen: Set<Candidate>, candidate: Candidate): void {
  if (!chosen.delete(candidate)) chosen.add(candidate)
}

/** Microseconds of QuantizeLinear and DequantizeLinear where chosen nodes meet others. */
function crossings(candidates: readonly Candidate[], chosen: ReadonlySet<Candidate>, sizes: Sizes, table: CostTable): number {
  const given = new Set<Value>()
  const nodes = new Set<Node>()
  for (const candidate of candidates)
    if (chosen.has(candidate)) {
      given.add(candidate.output)
      nodes.add(candidate.node)
    }
  let sum = 0
  const quantized = new Set<Value>()
  for (const { input, output } of chosen) {
    if (!given.has(input) && !quantized.has(input)) {
      quantized.add(input)
      sum += elements(input, sizes) * table.quantizePerMillion * 1e-6
    }
    const readByFloats = output.isOutput || output.uses.some(({ node, index }) => index !== 0 || !nodes.has(node))
    if (readByFloats) sum += elements(output, sizes) * table.dequantizePerMillion * 1e-6
  }
  return sum
}

function elements(value: Value, sizes: Sizes): number {
  return (sizes.get(value.name) ?? []).reduce((a, b) => a * b, 1)
}

/** A node's time by the nearest measured row, scaled by multiply-accumulates; undefined when nothing is near. */
function nodeCost(
  { node, output }: Pick<Candidate, 'node' | 'output'>,
  sizes: Sizes,
  table: CostTable,
): { fp32: number; int8: number } | undefined {
  const nearest = nearestRow(node, sizes.get(output.name), table.rows)
  return nearest && { fp32: nearest.row.fp32 * nearest.scale, int8: nearest.row.int8 * nearest.scale }
}

import { type Model, type Target, type Value, inferShapes } from '@whittle/ir'
import { computeInBlocks } from './blocks.ts'
import { type Candidate, candidatesOf } from './candidates.ts'
import { computeDynamically, dynamicNodesOf } from './dynamic.ts'
import { computeInHalf, whyNotInHalf } from './half.ts'
import { computeInIntegers } from './integers.ts'
import { type Sizes, planIntegers } from './plan.ts'
import { storeWeight } from './storage.ts'

/** What became of a model's annotations on one target. */
export interface Lowering {
  /** Names of the nodes that compute in integers. */
  readonly integerNodes: string[]
  /** What those nodes give: names of values of the model as it was. */
  readonly integerOutputs: string[]
  /** Names of the nodes that compute in integers, with inputs that are rounded at every run. */
  readonly dynamicNodes: string[]
  /** Names of the nodes that compute with weights of few bits, block by block. */
  readonly blockNodes: string[]
  /** Constants that are stored in fewer bits and unfolded when the session is made. */
  readonly stored: string[]
  readonly skipped: { at: string; why: string }[]
}

/** Which of the nodes that could compute in integers do. */
export type Choose = (candidates: readonly Candidate[], sizes: Sizes) => Set<Candidate>

/**
 * Turns annotations into ops, in the form that the target is fast with. Edits the model; afterwards it has no annotations.
 * @param shapes the inputs' dims at a typical run, by name: times are predicted for them.
 * @param choose which nodes compute in integers between fixed grids. By default those with which the whole is fastest, by the target's cost
 * table; where others are faster with an input that is rounded at every run, they compute so.
 */
export function lower(model: Model, target: Target, shapes: Readonly<Record<string, readonly number[]>>, choose?: Choose): Lowering {
  const { cost, computes } = target
  const wantsHalf = computes.includes('fp16') && [...model.initializers()].some((value) => value.quantization?.kind === 'float16')
  const notHalf = wantsHalf ? whyNotInHalf(model) : undefined
  const half = wantsHalf && notHalf === undefined
  let known: Sizes | undefined
  const sizes = (): Sizes => (known ??= sizesAt(model, shapes))
  const nodes = half || !computes.includes('qdq-u8s8') || !hasRanges(model) ? [] : model.graph.nodes
  const { candidates, skipped } = candidatesOf(nodes)
  const byCost: Choose = () => (cost ? planIntegers(candidates, sizes(), cost) : new Set())
  const chosen = candidates.length > 0 ? (choose ?? byCost)(candidates, sizes()) : new Set<Candidate>()
  const fixed = new Set([...chosen].map(({ node }) => node))
  const free = nodes.filter((node) => !choose && !fixed.has(node) && node.inputs[0]?.quantization?.kind === 'integer')
  const dynamic = cost && !half && computes.includes('dynamic-u8') ? dynamicNodesOf(model, new Set(free), sizes, cost) : NONE
  const dynamicNodes = dynamic.chosen.map(({ node }) => node.describe())
  if (notHalf !== undefined) skipped.push({ at: 'graph', why: notHalf })
  const integerNodes = [...chosen].map(({ node }) => node.describe())
  const integerOutputs = [...chosen].map(({ node }) => node.output.name)
  for (const candidate of candidates)
    if (!chosen.has(candidate))
      skipped.push({
        at: candidate.node.describe(),
        why: `int8 is not faster there on ${target.name}, or costs too much of the outputs; its weight is stored in int8`,
      })
  // Whether a weight is in the annotated form has to be seen before the first edit drops annotations.
  computeInIntegers(model.graph, [...chosen])
  computeDynamically(dynamic.chosen)
  const blocks = computeInBlocks(model, target)
  const stored = storeWeights(model, half)
  const halved = half ? computeInHalf(model) : []
  clearAnnotations(model)
  const reasons = skipped.filter(({ at }) => !dynamicNodes.includes(at))
  return {
    integerNodes,
    integerOutputs,
    dynamicNodes,
    blockNodes: blocks.nodes,
    stored,
    skipped: [...reasons, ...dynamic.skipped, ...blocks.skipped, ...halved],
  }
}

const NONE: ReturnType<typeof dynamicNodesOf> = { chosen: [], skipped: [] }

/** Whether any activation was given a grid: without one nothing can compute in integers, and nobody asked for it. */
function hasRanges(model: Model): boolean {
  return model.graph.nodes.some((node) => node.inputs[0]?.quantization?.kind === 'integer' && !node.inputs[0].tensor)
}

/** Sizes of all values at a typical run. */
function sizesAt(model: Model, shapes: Readonly<Record<string, readonly number[]>>): Sizes {
  const copy = model.clone()
  inferShapes(copy, { dims: Object.fromEntries(Object.entries(shapes).map(([name, dims]) => [name, [...dims]])) })
  const sizes = new Map<string, readonly number[]>()
  for (const node of copy.nodes())
    for (const value of [...node.inputs, ...node.outputs]) {
      const shape = value?.shape
      if (shape?.every((dim): dim is number => typeof dim === 'number')) sizes.set(value!.name, shape)
    }
  return sizes
}

/** Where the graph computes in float16, its float16 constants are so as they stand. */
function storeWeights(model: Model, half: boolean): string[] {
  const stored: string[] = []
  for (const value of [...model.initializers()]) {
    const { name, quantization } = value
    if (quantization && !(half && quantization.kind === 'float16') && storeWeight(value)) stored.push(name)
  }
  return stored
}

function clearAnnotations(model: Model): void {
  const clear = (value: Value | undefined): void => {
    if (value) value.quantization = undefined
  }
  for (const graph of model.graphs()) {
    graph.inputs.forEach(clear)
    graph.initializers.forEach(clear)
    for (const node of graph.nodes) node.outputs.forEach(clear)
  }
}

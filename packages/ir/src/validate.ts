import { ModelError } from './errors.ts'
import { type Graph, type Node, type Value } from './graph.ts'
import { type Model } from './model.ts'
import type { CodebookQuantization, IntegerQuantization } from './quantization.ts'

/** One named rule that every model keeps. `check` yields a sentence for each place that breaks it. */
interface Rule {
  readonly name: string
  check(graph: Graph, scope: Scope): Generator<string>
}

interface Scope {
  /** Values of the graphs around this one that are defined before its owner. */
  readonly outer: { has(value: Value): boolean }
  /** Every node of the model. */
  readonly live: ReadonlySet<Node>
  /** Whether a value knows that it is an input of a node. */
  readonly knows: (value: Value, node: Node, index: number) => boolean
}

const RULES: readonly Rule[] = [
  {
    name: 'order',
    *check(graph, { outer }) {
      const own = new Set<Value>([...graph.inputs, ...graph.initializers])
      const isKnown = (value: Value): boolean => own.has(value) || outer.has(value)
      for (const node of graph.nodes) {
        for (const input of node.inputs)
          if (input && !isKnown(input)) yield `${node.describe()} reads '${input.name}', which nothing before it gives`
        for (const output of node.outputs) if (output) own.add(output)
      }
      for (const output of graph.outputs) if (!isKnown(output)) yield `output '${output.name}' is given by nothing`
    },
  },
  {
    name: 'ends',
    *check(graph, { knows }) {
      for (const node of graph.nodes) {
        for (const [index, input] of node.inputs.entries())
          if (input && !knows(input, node, index)) yield `${node.describe()} reads '${input.name}', which does not know of it`
        for (const output of node.outputs)
          if (output && output.producer !== node) yield `'${output.name}' does not know that ${node.describe()} gives it`
      }
    },
  },
  {
    name: 'uses',
    *check(graph, { live }) {
      for (const value of valuesOf(graph))
        for (const { node, index } of value.uses) {
          if (node.inputs[index] !== value) yield `'${value.name}' believes that input ${index} of ${node.describe()} reads it`
          if (!live.has(node)) yield `'${value.name}' is read by ${node.describe()}, which is not in the model`
        }
    },
  },
  {
    name: 'names',
    *check(graph) {
      const seen = new Set<string>()
      for (const value of valuesOf(graph)) {
        if (value.name === '') yield 'a value has no name'
        if (seen.has(value.name)) yield `'${value.name}' is defined twice`
        seen.add(value.name)
      }
    },
  },
  {
    name: 'constants',
    *check(graph) {
      for (const value of graph.initializers) {
        const tensor = value.tensor
        if (!tensor) yield `initializer '${value.name}' has no tensor`
        else if (value.elementType !== tensor.type) yield `initializer '${value.name}' is ${value.elementType}, its tensor ${tensor.type}`
      }
    },
  },
  {
    name: 'quantization',
    *check(graph) {
      for (const value of valuesOf(graph)) {
        const quantization = value.quantization
        if (quantization?.kind !== 'integer' && quantization?.kind !== 'codebook') continue
        for (const problem of problemsOfGrid(value, quantization)) yield `'${value.name}' has ${problem}`
      }
    },
  },
]

/** What an annotation says that cannot be. */
function* problemsOfGrid({ shape }: Value, quantization: IntegerQuantization | CodebookQuantization): Generator<string> {
  const { scale, axis, block } = quantization
  if (quantization.kind === 'integer' && quantization.zeroPoint.length !== scale.length)
    yield `${scale.length} scales and ${quantization.zeroPoint.length} zero points`
  if (scale.some((item) => !(item > 0 && Number.isFinite(item)))) yield 'a scale that is not positive and finite'
  if (quantization.kind === 'codebook') {
    const { levels, bits } = quantization
    if (levels.length === 0 || levels.length > 2 ** bits) yield `${levels.length} levels for ${bits} bits`
    if (levels.some((level, at) => !Number.isFinite(level) || level <= levels[at - 1]!)) yield 'levels that are not finite and ascending'
  }
  if (block && !(Number.isInteger(block.size) && block.size > 0 && block.axis !== axis)) {
    yield `blocks of ${block.size} along axis ${block.axis}, which cannot be`
    return
  }
  if (axis === undefined && !block) {
    if (scale.length !== 1) yield `${scale.length} scales for an axis of 1`
    return
  }
  const parts = [axis, block?.axis].map((at) => (at === undefined ? 1 : shape?.[at]))
  if (!parts.every((dim): dim is number => typeof dim === 'number')) yield `${scale.length} scales for an axis of ${parts.join(' and ')}`
  else if (scale.length !== parts[0]! * Math.ceil(parts[1]! / (block?.size ?? 1)))
    yield `${scale.length} scales for an axis of ${block ? `${parts[0]} and blocks of ${block.size} in ${parts[1]}` : parts[0]}`
}

function* valuesOf(graph: Graph): Generator<Value> {
  yield* graph.inputs
  const inputs = new Set(graph.inputs)
  for (const value of graph.initializers) if (!inputs.has(value)) yield value
  for (const node of graph.nodes) for (const output of node.outputs) if (output) yield output
}

/** As sets, once a value: thousands of inputs may read one. */
function usesByValue(): Scope['knows'] {
  const known = new Map<Value, Map<Node, Set<number>>>()
  return (value, node, index) => {
    let nodes = known.get(value)
    if (!nodes) {
      known.set(value, (nodes = new Map()))
      for (const use of value.uses) {
        const indices = nodes.get(use.node)
        if (indices) indices.add(use.index)
        else nodes.set(use.node, new Set([use.index]))
      }
    }
    return nodes.get(node)?.has(index) ?? false
  }
}

/** The names of the rules that {@link validate} checks. */
export const validatorRules: readonly string[] = RULES.map((rule) => rule.name)

/** Every place where the model breaks a rule of the IR; empty when it is valid. */
export function problemsOf(model: Model): string[] {
  const problems: string[] = []
  const live = new Set(model.nodes())
  const knows = usesByValue()
  const visit = (graph: Graph, outer: Scope['outer']): void => {
    for (const rule of RULES)
      for (const problem of rule.check(graph, { outer, live, knows })) problems.push(`${problem} (${rule.name}, graph '${graph.name}')`)
    const own = new Set<Value>([...graph.inputs, ...graph.initializers])
    const known = { has: (value: Value): boolean => own.has(value) || outer.has(value) }
    for (const node of graph.nodes) {
      for (const subgraph of node.subgraphs) visit(subgraph, known)
      for (const output of node.outputs) if (output) own.add(output)
    }
  }
  visit(model.graph, new Set())
  return problems
}

/** @throws {ModelError} listing the first problems. */
export function validate(model: Model): void {
  const problems = problemsOf(model)
  if (problems.length === 0) return
  const shown = problems.slice(0, 3).join('; ')
  throw new ModelError('MODEL_INVALID', problems.length > 3 ? `${shown}; and ${problems.length - 3} more` : shown)
}

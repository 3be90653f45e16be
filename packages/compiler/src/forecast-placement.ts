import { type Node, type Target, type Value, opRow } from '@whittle/ir'
import { type OperatorFacts, type OperatorLimit, type OpsetRange, operatorFacts } from '@whittle/targets'

/** Why a node does not run on a target's provider. */
export interface Obstacle {
  /** Without the target's name: `no kernel for Round`. */
  readonly why: string
  /** It does not run on the CPU instead: the session is not made, or the run fails. */
  readonly fatal: boolean
}

/** Where the nodes of one model run on one target. */
export class Placement {
  readonly #target: Target
  readonly #folded: ReadonlySet<Node>
  readonly #facts = new Map<string, OperatorFacts>()

  constructor(target: Target, folded: ReadonlySet<Node>) {
    this.#target = target
    this.#folded = folded
  }

  /** Undefined: it runs on the provider. */
  obstacle(node: Node): Obstacle | undefined {
    const { versions, limits } = this.#factsOf(node)
    const { elementTypes } = this.#target
    for (const limit of limits) {
      const why = this.#unmet(node, limit)
      if (why) return { why: `${node.op} only ${why}`, fatal: limit.fatal === true }
    }
    if (!versions) return undefined
    const version = node.graph.model.opsets.get(node.domain) ?? 1
    if (versions.length === 0) return { why: `no kernel for ${node.op}`, fatal: false }
    if (!versions.some(([first, last]) => version >= first && (last === null || version <= last)))
      return { why: `${node.op} only of opset ${rangesText(versions)}, not ${version}`, fatal: false }
    const type = node.inputs[0]?.elementType
    const known = limits.some(({ inputTypes }) => inputTypes) || node.subgraphs.length > 0
    if (!known && type && !elementTypes.includes(type)) return { why: `no tensors of ${type}`, fatal: false }
    return undefined
  }

  /** Whether an input is read from the CPU's memory by a node that runs on the provider. */
  readsOnCpu(node: Node, input: number): boolean {
    return this.#factsOf(node).host.some(({ inputs }) => inputs?.includes(input))
  }

  /** Whether an output is left in the CPU's memory by a node that runs on the provider. */
  givesOnCpu(node: Node, output: number): boolean {
    return this.#factsOf(node).host.some(({ outputs }) => outputs?.includes(output))
  }

  #factsOf({ type }: Node): OperatorFacts {
    const known = this.#facts.get(type) ?? operatorFacts(this.#target, type)
    this.#facts.set(type, known)
    return known
  }

  /** What a limit asks for and the node does not have. */
  #unmet(node: Node, limit: OperatorLimit): string | undefined {
    const { inputs, outputs, attributes } = node
    for (const [index, types] of Object.entries(limit.inputTypes ?? {})) {
      const type = inputs[Number(index)]?.elementType
      if (type && !types.includes(type)) return `of ${types.join(', ')}, not of ${type}`
    }
    const given = outputs[0]?.elementType
    if (limit.outputTypes && given && !limit.outputTypes.includes(given)) return `to ${limit.outputTypes.join(', ')}, not to ${given}`
    const rank = inputs[0]?.shape?.length
    if (limit.ranks && rank !== undefined && !limit.ranks.includes(rank)) return `of ${limit.ranks.join(' or ')} dimensions, not ${rank}`
    for (const index of limit.constants ?? [])
      if (inputs[index] && !this.#isConstant(inputs[index])) return `with a constant as input ${index} ('${inputs[index].name}')`
    for (const index of limit.absent ?? []) if (inputs[index]) return `without input ${index} ('${inputs[index].name}')`
    for (const index of limit.given ?? []) if (!inputs[index]) return `with input ${index}`
    if (limit.outputs !== undefined && outputs.slice(limit.outputs).some(Boolean)) return `with ${limit.outputs} output`
    for (const [name, values] of Object.entries(limit.attributes ?? {})) {
      const attribute = attributes.get(name)
      if (!attribute || !('value' in attribute)) continue
      const value = typeof attribute.value === 'bigint' ? Number(attribute.value) : attribute.value
      if (values.length === 0) return `without ${name}`
      if (!values.some((allowed) => allowed === value)) return `with ${name} ${values.join(', ')}, not ${String(value)}`
    }
    return undefined
  }

  #isConstant(value: Value): boolean {
    return isConstant(value, this.#folded)
  }
}

/**
 * The nodes that are computed once, when the session is made, since all that they read is constant, or it is a size that is known then.
 * DequantizeLinear is not: the runtime keeps it beside the node that it belongs to.
 * @param sizesKnown whether all sizes are, since the target takes no others.
 */
export function foldedNodes(nodes: Iterable<Node>, sizesKnown: boolean): Set<Node> {
  const folded = new Set<Node>()
  for (const node of nodes) {
    const stays = node.op === 'DequantizeLinear' || node.subgraphs.length > 0 || opRow(node)?.deterministic === false
    const size = node.type === 'Shape' && (sizesKnown || node.inputs[0]?.shape?.every((dim) => typeof dim === 'number'))
    if (!stays && (size || node.inputs.every((value) => !value || isConstant(value, folded)))) folded.add(node)
  }
  return folded
}

/** Whether a value is known when the session is made. */
export function isConstant(value: Value, folded: ReadonlySet<Node>): boolean {
  return value.producer ? folded.has(value.producer) : value.tensor !== undefined && !value.isInput
}

function rangesText(versions: readonly OpsetRange[]): string {
  return versions
    .map(([first, last]) => (last === null ? `${first} and later` : first === last ? `${first}` : `${first} to ${last}`))
    .join(', ')
}

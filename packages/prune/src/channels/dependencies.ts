import { type AxisLink, type AxisPlace, type Model, type Node, type Value, axisRuleOf, bitsOf } from '@whittle/ir'
import { Atoms } from './atoms.ts'

/** An axis of a value, of fixed length above 1. */
export interface ValueAxis {
  readonly value: Value
  readonly axis: number
  readonly length: number
  /** The atom of its first index; those of the others follow. */
  readonly first: number
}

/** Indices of axes that can only be removed together: one channel with all that makes and reads it. */
export interface Component {
  readonly indices: ReadonlyMap<ValueAxis, readonly number[]>
}

/** Components that are alike: the channels of one layer, and of all that are tied to it. */
export interface Siblings {
  readonly components: readonly Component[]
  readonly axes: readonly ValueAxis[]
}

export interface Dependencies {
  /** In the order of the graph. */
  readonly siblings: readonly Siblings[]
  axisOf(value: Value, axis: number): ValueAxis | undefined
  /** Why an index of an axis has to stay; undefined where it need not. */
  whyPinned(axis: ValueAxis, index: number): string | undefined
}

/** Longer axes are no channels, and a file may claim any length. */
const LONGEST = 2 ** 15

/**
 * What of a model can only be removed together: each index of each axis is an atom, and the op table tells which of them a node ties (the
 * dependency graph of Fang et al. 2023, "DepGraph: towards any structural pruning", by index). What reaches an input or an output of a graph, or an op that does not
 * tell, has to stay.
 * @param model with its shapes inferred.
 */
export function dependenciesOf(model: Model): Dependencies {
  const axes = new Map<Value, (ValueAxis | undefined)[]>()
  let count = 0
  for (const value of valuesOf(model)) {
    const own = value.shape?.map((length, axis) => {
      if (typeof length !== 'number' || length < 2 || length > LONGEST) return undefined
      count += length
      return { value, axis, length, first: count - length }
    })
    axes.set(value, own ?? [])
  }
  const atoms = new Atoms(count)
  const axisOf = (value: Value, axis: number): ValueAxis | undefined => axes.get(value)?.[axis]
  const pinAxis = ({ first, length }: ValueAxis, why: string): void => {
    for (let index = 0; index < length; index++) atoms.pin(first + index, why)
  }
  const pinValue = (value: Value, why: string): void => axes.get(value)?.forEach((axis) => axis && pinAxis(axis, why))

  pinPorts(model, pinValue)
  const choices: Choice[] = []
  for (const node of model.nodes()) tieNode(node, axes, atoms, pinAxis, choices)
  settle(choices, axes, atoms, pinAxis)
  return {
    siblings: siblingsOf(
      [...axes.values()].flatMap((own) => own.filter((axis) => axis !== undefined)),
      atoms,
    ),
    axisOf,
    whyPinned: ({ first }, index) => atoms.whyPinned(first + index),
  }
}

function* valuesOf(model: Model): Generator<Value> {
  for (const graph of model.graphs()) {
    yield* graph.inputs
    for (const value of graph.initializers) if (!value.isInput) yield value
    for (const node of graph.nodes) for (const output of node.outputs) if (output) yield output
  }
}

function pinPorts(model: Model, pin: (value: Value, why: string) => void): void {
  for (const graph of model.graphs()) {
    const of = graph.owner ? ` of ${graph.owner.describe()}` : ''
    for (const value of graph.inputs) pin(value, `it reaches the input '${value.name}'${of}`)
    for (const value of graph.outputs) pin(value, `it reaches the output '${value.name}'${of}`)
    for (const value of graph.initializers) {
      const { type } = value.tensor!
      if (type === 'string' || bitsOf(type) < 8) pin(value, `the elements of '${value.name}' are ${type}`)
    }
  }
}

type AxesOf = ReadonlyMap<Value, readonly (ValueAxis | undefined)[]>
type PinAxis = (axis: ValueAxis, why: string) => void

interface Choice {
  readonly node: Node
  readonly alternatives: readonly (readonly AxisLink[])[]
}

const valueAt = (node: Node, { side, at }: AxisPlace): Value | undefined => (side === 'input' ? node.inputs : node.outputs)[at]

function tieNode(node: Node, axes: AxesOf, atoms: Atoms, pinAxis: PinAxis, choices: Choice[]): void {
  const rule = axisRuleOf(node)
  const key = ({ side, at, axis }: AxisPlace): string => `${side} ${at} ${axis}`
  const named = new Set([...(rule?.links ?? []), ...(rule?.choices ?? []).flat(2)].flat().map(key))
  const why = whyWhole(node, rule !== undefined)
  for (const side of ['input', 'output'] as const)
    for (const [at, value] of (side === 'input' ? node.inputs : node.outputs).entries())
      if (value) for (const axis of axes.get(value) ?? []) if (axis && !named.has(key({ side, at, axis: axis.axis }))) pinAxis(axis, why)
  for (const link of rule?.links ?? []) tie(node, link, axes, atoms)
  for (const alternatives of rule?.choices ?? []) choices.push({ node, alternatives })
}

function whyWhole(node: Node, isKnown: boolean): string {
  if (isKnown) return `${node.describe()} computes along it`
  if (node.type === 'Constant') return 'it is a Constant node; run simplify first'
  return `it reaches ${node.describe()}, of which it is not known what may go`
}

/** Joins the atoms of each class. */
function tie(node: Node, link: AxisLink, axes: AxesOf, atoms: Atoms): void {
  const parts = link.flatMap((part) => {
    const value = valueAt(node, part)
    return value ? [{ part, value, axis: axes.get(value)?.[part.axis] }] : []
  })
  const blocked = parts.some(({ part, value, axis }) => !axis && value.shape?.[part.axis] !== 1)
  const [needed, meets] = [`${node.describe()} needs it`, `${node.describe()} meets a free dimension there`]
  const heads: (number | undefined)[] = []
  const single = new Set<number>()
  for (const { part, axis } of parts) {
    const classOf = part.classOf ?? ((index: number) => index)
    if (!axis) {
      single.add(classOf(0) ?? -1)
      continue
    }
    for (let index = 0; index < axis.length; index++) {
      const atom = axis.first + index
      const at = classOf(index)
      if (at === undefined || blocked) {
        atoms.pin(atom, blocked ? meets : needed)
        if (at === undefined) continue
      }
      const head = heads[at]
      if (head === undefined) heads[at] = atom
      else atoms.join(head, atom)
    }
  }
  // An axis of length 1 cannot lose anything.
  for (const at of single) if (heads[at] !== undefined) atoms.pin(heads[at], `${node.describe()} has a single one there`)
}

/** Takes, of each choice, the first alternative in which something is free; those that have one alone go first. */
function settle(choices: readonly Choice[], axes: AxesOf, atoms: Atoms, pinAxis: PinAxis): void {
  const axesOf = (node: Node, links: readonly AxisLink[]): ValueAxis[] =>
    links.flat().flatMap((part) => {
      const value = valueAt(node, part)
      return (value && axes.get(value)?.[part.axis]) ?? []
    })
  // What is pinned stays so.
  const pinned = new Set<ValueAxis>()
  const isFree = (axis: ValueAxis): boolean => {
    if (pinned.has(axis)) return false
    for (let index = 0; index < axis.length; index++) if (atoms.whyPinned(axis.first + index) === undefined) return true
    pinned.add(axis)
    return false
  }
  const freeOf = ({ node, alternatives }: Choice): (readonly AxisLink[])[] =>
    alternatives.filter((links) => axesOf(node, links).every(isFree))
  const left = [...choices]
  while (left.length > 0) {
    const single = left.findIndex((choice) => freeOf(choice).length < 2)
    const [choice] = left.splice(Math.max(0, single), 1) as [Choice]
    const { node, alternatives } = choice
    const taken = freeOf(choice)[0] ?? alternatives[0]!
    const kept = new Set(axesOf(node, taken))
    for (const axis of axesOf(node, alternatives.flat()))
      if (!kept.has(axis)) pinAxis(axis, `${node.describe()} merges it with another axis, of which parts may go`)
    for (const link of taken) tie(node, link, axes, atoms)
  }
}

function siblingsOf(axes: readonly ValueAxis[], atoms: Atoms): Siblings[] {
  const components = new Map<number, Map<ValueAxis, number[]>>()
  for (const axis of axes)
    for (let index = 0; index < axis.length; index++) {
      const root = atoms.find(axis.first + index)
      if (atoms.whyPinned(root) !== undefined) continue
      let indices = components.get(root)
      if (!indices) components.set(root, (indices = new Map()))
      const own = indices.get(axis)
      if (own) own.push(index)
      else indices.set(axis, [index])
    }
  const sets = new Map<string, { components: Component[]; axes: readonly ValueAxis[] }>()
  for (const indices of components.values()) {
    const key = [...indices].map(([{ first }, own]) => `${first}x${own.length}`).join()
    const set = sets.get(key)
    if (set) set.components.push({ indices })
    else sets.set(key, { components: [{ indices }], axes: [...indices.keys()] })
  }
  return [...sets.values()]
}

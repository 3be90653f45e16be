import type { Dim, Node } from '../graph.ts'
import { addDims, ceilDivDims, mulDims, sameDim } from './dim.ts'
import { typeAttribute } from './elementwise.ts'
import type { Container, Facts, OpRow, ValueFact } from './row.ts'
import { axisFromFront } from './rules.ts'

/** Sequences and optionals. */

const NOTHING: ValueFact = { type: undefined, shape: undefined }

/** What holds of both; a dimension in which they differ is ''. */
function joinElements(a: ValueFact, b: ValueFact): ValueFact {
  const holds = joinContainers(a.holds, b.holds)
  if (holds) return { ...NOTHING, holds }
  const type = a.type ?? b.type
  if (!a.shape || !b.shape || a.shape.length !== b.shape.length) return { type, shape: undefined }
  return { type, shape: a.shape.map((dim, axis) => (sameDim(dim, b.shape![axis]!) ? dim : '')) }
}

/** What holds of two sequences or two optionals; undefined where they are none. */
export function joinContainers(a: Container | undefined, b: Container | undefined): Container | undefined {
  if (!a || !b) return a ?? b
  const length = a.length !== undefined && b.length !== undefined && sameDim(a.length, b.length) ? a.length : undefined
  // What is said of an empty sequence's elements holds of none.
  const element = a.length === 0 ? b.element : b.length === 0 ? a.element : joinElements(a.element, b.element)
  return { kind: a.kind, element, length }
}

const elementOf = (fact: ValueFact | undefined): ValueFact => fact?.holds?.element ?? NOTHING
const lengthOf = (fact: ValueFact | undefined): Dim | undefined => fact?.holds?.length

/** One element, taken out: what differs from element to element becomes a free dimension of the output. */
function taken(element: ValueFact, output: number, facts: Facts): ValueFact {
  return { ...element, content: undefined, shape: element.shape?.map((dim, axis) => (dim === '' ? facts.fresh(output, axis) : dim)) }
}

const tensor = (fact: ValueFact | undefined): ValueFact => ({ type: fact?.type, shape: fact?.shape })

function setSequence(output: number, element: ValueFact, length: Dim | undefined, facts: Facts): void {
  facts.setFact(output, { ...NOTHING, holds: { kind: 'sequence', element, length } })
}

function inferConstruct(node: Node, facts: Facts): void {
  setSequence(0, node.inputs.map((_, index) => tensor(facts.fact(index))).reduce(joinElements), node.inputs.length, facts)
}

function inferInsert(_node: Node, facts: Facts): void {
  const [before, added] = [facts.fact(0)?.holds, tensor(facts.fact(1))]
  const one: Container = { kind: 'sequence', element: added, length: 1 }
  const element = before ? joinContainers(before, one)!.element : { type: added.type, shape: undefined }
  setSequence(0, element, before?.length === undefined ? undefined : addDims(before.length, 1), facts)
}

function inferErase(_node: Node, facts: Facts): void {
  const length = lengthOf(facts.fact(0))
  setSequence(0, elementOf(facts.fact(0)), typeof length === 'number' && length > 0 ? length - 1 : undefined, facts)
}

function inferSplit(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  if (!shape) return setSequence(0, { type: facts.type(0), shape: undefined }, undefined, facts)
  const at = axisFromFront(node.int('axis', 0), shape.length, facts)
  const sizes = node.inputs[1] ? facts.content(1) : [1]
  const isList = facts.shape(1)?.length === 1
  const drops = !node.inputs[1] && node.int('keepdims', 1) === 0
  const size = sizes?.[0]
  const even = isList
    ? sizes?.every((item) => item === size)
    : typeof size === 'number' && (size === 1 || (typeof shape[at] === 'number' && shape[at] % size === 0))
  const part = even && size !== undefined ? size : ''
  const length = isList
    ? (facts.shape(1)![0] ?? undefined)
    : typeof size === 'number' && size > 0
      ? ceilDivDims(shape[at]!, size)
      : undefined
  setSequence(
    0,
    { type: facts.type(0), shape: drops ? shape.filter((_, axis) => axis !== at) : shape.map((dim, axis) => (axis === at ? part : dim)) },
    length,
    facts,
  )
}

function inferConcat(node: Node, facts: Facts): void {
  const { type, shape } = elementOf(facts.fact(0))
  if (!shape) return facts.set(0, type, undefined)
  const stacks = node.int('new_axis', 0) !== 0
  const at = axisFromFront(node.int('axis', 0), shape.length + (stacks ? 1 : 0), facts)
  const free = (dim: Dim, axis: number): Dim => (dim === '' ? facts.fresh(0, axis) : dim)
  const length = lengthOf(facts.fact(0))
  const all = (dim: Dim): Dim => (dim === '' || length === undefined ? '' : mulDims(dim, length))
  const result = stacks
    ? [...shape.slice(0, at), length ?? '', ...shape.slice(at)]
    : shape.map((dim, axis) => (axis === at ? all(dim) : dim))
  facts.set(0, type, result.map(free))
}

/** The body runs once for each element; what depends on the element's symbols may differ from one to the next. */
function inferMap(node: Node, facts: Facts): void {
  const attribute = node.attributes.get('body')
  if (attribute?.type !== 'graph') facts.fail("attribute 'body' must be a graph")
  const length = lengthOf(facts.fact(0))
  const inputs = node.inputs.map((_, index) => {
    const fact = facts.fact(index)
    return fact?.holds ? taken(fact.holds.element, 0, facts) : fact && tensor(fact)
  })
  facts.subgraph(attribute.value, inputs).forEach((fact, index) => {
    setSequence(index, { type: fact.type, shape: fact.shape?.map((dim) => (typeof dim === 'number' ? dim : '')) }, length, facts)
  })
}

function inferOptional(node: Node, facts: Facts): void {
  const element = node.inputs[0] ? facts.fact(0) : undefined
  facts.setFact(0, { ...NOTHING, holds: { kind: 'optional', element: element ?? NOTHING } })
}

function inferGetElement(_node: Node, facts: Facts): void {
  const fact = facts.fact(0) ?? NOTHING
  facts.setFact(0, fact.holds?.kind === 'optional' ? taken(fact.holds.element, 0, facts) : fact)
}

export const sequenceRows: readonly OpRow[] = [
  {
    type: 'SequenceEmpty',
    infer: (node, facts) => setSequence(0, { type: typeAttribute(node, 'dtype') ?? 'float32', shape: undefined }, 0, facts),
  },
  { type: 'SequenceConstruct', infer: inferConstruct },
  { type: 'SequenceInsert', infer: inferInsert },
  { type: 'SequenceErase', infer: inferErase },
  { type: 'SequenceAt', infer: (_node, facts) => facts.setFact(0, taken(elementOf(facts.fact(0)), 0, facts)) },
  {
    type: 'SequenceLength',
    infer(_node, facts) {
      const length = lengthOf(facts.fact(0))
      facts.set(0, 'int64', [], length === undefined ? undefined : [length])
    },
  },
  { type: 'SequenceMap', infer: inferMap },
  { type: 'SplitToSequence', infer: inferSplit },
  { type: 'ConcatFromSequence', infer: inferConcat },
  { type: 'Optional', infer: inferOptional },
  { type: 'OptionalGetElement', infer: inferGetElement },
  { type: 'OptionalHasElement', infer: (_node, facts) => facts.set(0, 'bool', []) },
]

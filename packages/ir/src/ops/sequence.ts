import type { Dim, Node } from '../graph.ts'
import { sameDim } from './dim.ts'
import { typeAttribute } from './elementwise.ts'
import type { Container, Facts, OpRow, ValueFact } from './row.ts'
import { axisFromFront } from './rules.ts'

/** Sequences and optionals. How many elements a sequence has is not followed. */

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
  return { kind: a.kind, element: joinElements(a.element, b.element) }
}

const elementOf = (fact: ValueFact | undefined): ValueFact => fact?.holds?.element ?? NOTHING

/** One element, taken out: what differs from element to element becomes a free dimension of the output. */
function taken(element: ValueFact, output: number, facts: Facts): ValueFact {
  return { ...element, content: undefined, shape: element.shape?.map((dim, axis) => (dim === '' ? facts.fresh(output, axis) : dim)) }
}

const tensor = (fact: ValueFact | undefined): ValueFact => ({ type: fact?.type, shape: fact?.shape })

function setSequence(output: number, element: ValueFact, facts: Facts): void {
  facts.setFact(output, { ...NOTHING, holds: { kind: 'sequence', element } })
}

function inferConstruct(node: Node, facts: Facts): void {
  setSequence(0, node.inputs.map((_, index) => tensor(facts.fact(index))).reduce(joinElements), facts)
}

function inferInsert(_node: Node, facts: Facts): void {
  const [before, added] = [elementOf(facts.fact(0)), tensor(facts.fact(1))]
  setSequence(0, facts.fact(0)?.holds ? joinElements(before, added) : { type: added.type, shape: undefined }, facts)
}

function inferSplit(node: Node, facts: Facts): void {
  const shape = facts.shape(0)
  if (!shape) return setSequence(0, { type: facts.type(0), shape: undefined }, facts)
  const at = axisFromFront(node.int('axis', 0), shape.length, facts)
  const sizes = node.inputs[1] ? facts.content(1) : [1]
  const isList = facts.shape(1)?.length === 1
  const drops = !node.inputs[1] && node.int('keepdims', 1) === 0
  const size = sizes?.[0]
  const even = isList
    ? sizes?.every((item) => item === size)
    : typeof size === 'number' && (size === 1 || (typeof shape[at] === 'number' && shape[at] % size === 0))
  const part = even && size !== undefined ? size : ''
  setSequence(
    0,
    { type: facts.type(0), shape: drops ? shape.filter((_, axis) => axis !== at) : shape.map((dim, axis) => (axis === at ? part : dim)) },
    facts,
  )
}

function inferConcat(node: Node, facts: Facts): void {
  const { type, shape } = elementOf(facts.fact(0))
  if (!shape) return facts.set(0, type, undefined)
  const stacks = node.int('new_axis', 0) !== 0
  const at = axisFromFront(node.int('axis', 0), shape.length + (stacks ? 1 : 0), facts)
  const free = (dim: Dim, axis: number): Dim => (dim === '' ? facts.fresh(0, axis) : dim)
  const result = stacks ? [...shape.slice(0, at), '', ...shape.slice(at)] : shape.map((dim, axis) => (axis === at ? '' : dim))
  facts.set(0, type, result.map(free))
}

/** The body runs once for each element; what depends on the element's symbols may differ from one to the next. */
function inferMap(node: Node, facts: Facts): void {
  const attribute = node.attributes.get('body')
  if (attribute?.type !== 'graph') facts.fail("attribute 'body' must be a graph")
  const inputs = node.inputs.map((_, index) => {
    const fact = facts.fact(index)
    return fact?.holds ? taken(fact.holds.element, 0, facts) : fact && tensor(fact)
  })
  facts.subgraph(attribute.value, inputs).forEach((fact, index) => {
    setSequence(index, { type: fact.type, shape: fact.shape?.map((dim) => (typeof dim === 'number' ? dim : '')) }, facts)
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
    infer: (node, facts) => setSequence(0, { type: typeAttribute(node, 'dtype') ?? 'float32', shape: undefined }, facts),
  },
  { type: 'SequenceConstruct', infer: inferConstruct },
  { type: 'SequenceInsert', infer: inferInsert },
  { type: 'SequenceErase', infer: (_node, facts) => setSequence(0, elementOf(facts.fact(0)), facts) },
  { type: 'SequenceAt', infer: (_node, facts) => facts.setFact(0, taken(elementOf(facts.fact(0)), 0, facts)) },
  { type: 'SequenceLength', infer: (_node, facts) => facts.set(0, 'int64', []) },
  { type: 'SequenceMap', infer: inferMap },
  { type: 'SplitToSequence', infer: inferSplit },
  { type: 'ConcatFromSequence', infer: inferConcat },
  { type: 'Optional', infer: inferOptional },
  { type: 'OptionalGetElement', infer: inferGetElement },
  { type: 'OptionalHasElement', infer: (_node, facts) => facts.set(0, 'bool', []) },
]

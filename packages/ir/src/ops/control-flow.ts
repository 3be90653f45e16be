import type { Graph, Node } from '../graph.ts'
import { ModelError } from '../errors.ts'
import { sameDim } from './dim.ts'
import type { Facts, OpRow, ValueFact } from './row.ts'
import { axisFromFront } from './rules.ts'
import { joinContainers } from './sequence.ts'

/** Ops that own graphs. */

const NOTHING: ValueFact = { type: undefined, shape: undefined }

function subgraphOf(node: Node, name: string, facts: Facts): Graph {
  const attribute = node.attributes.get(name)
  return attribute?.type === 'graph' ? attribute.value : facts.fail(`attribute '${name}' must be a graph`)
}

function inferIf(node: Node, facts: Facts): void {
  const condition = facts.content(0)?.[0]
  const failures: ModelError[] = []
  const outputs = ['then_branch', 'else_branch'].map((name) => {
    // Exporters write branches that fit other shapes than these and are never taken then: one of the two may fail.
    try {
      return facts.subgraph(subgraphOf(node, name, facts))
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      failures.push(error)
      facts.unknown(`its ${name} cannot run with these shapes: ${error.message}`)
      return undefined
    }
  })
  const [yes, no] = outputs
  const taken = typeof condition === 'number' ? (condition ? yes : no) : undefined
  if (failures.length === 2 || (typeof condition === 'number' && !taken)) throw failures[0]!
  const chosen = taken ?? (yes && no ? undefined : (yes ?? no))
  node.outputs.forEach((_, index) => {
    const fact = chosen ? chosen[index] : merge(yes?.[index], no?.[index], index, facts)
    facts.setFact(index, fact ?? NOTHING)
  })
}

/** What holds of both; dimensions that differ become free ones. */
function merge(a: ValueFact = NOTHING, b: ValueFact = NOTHING, output: number, facts: Facts): ValueFact {
  if (a.type && b.type && a.type !== b.type) facts.fail(`the branches give ${a.type} and ${b.type}`)
  const holds = joinContainers(a.holds, b.holds)
  if (holds) return { type: undefined, shape: undefined, holds }
  const type = a.type ?? b.type
  if (!a.shape || !b.shape || a.shape.length !== b.shape.length) return { type, shape: undefined }
  const shape = a.shape.map((dim, axis) => (sameDim(dim, b.shape![axis]!) ? dim : facts.fresh(output, axis)))
  const same =
    a.content && b.content && a.content.length === b.content.length && a.content.every((item, index) => sameDim(item, b.content![index]!))
  return { type, shape, content: same ? a.content : undefined }
}

function withoutContent(fact: ValueFact = NOTHING): ValueFact {
  return { type: fact.type, shape: fact.shape, holds: fact.holds }
}

/** Runs the body until the carried facts stay: a dimension that changes from step to step becomes a free one. */
function settle(
  body: Graph,
  fixed: readonly (ValueFact | undefined)[],
  carried: ValueFact[],
  skip: number,
  rest: readonly ValueFact[],
  facts: Facts,
): ValueFact[] {
  for (let round = 0; ; round++) {
    const outputs = facts.subgraph(body, [...fixed, ...carried, ...rest])
    const after = outputs.slice(skip, skip + carried.length)
    const next = carried.map((before, index) => widen(before, after[index] ?? NOTHING, index, facts))
    if (round > 8 || next.every((fact, index) => sameShape(fact, carried[index]!))) return outputs
    carried = next
  }
}

function widen(before: ValueFact, after: ValueFact, output: number, facts: Facts): ValueFact {
  // A symbol of the body is another number in each step: the elements that an empty sequence gets differ in it.
  const holds = joinContainers(before.holds, before.holds?.length === 0 ? withoutSymbols(after).holds : after.holds)
  if (holds) return { type: undefined, shape: undefined, holds }
  if (!before.shape || !after.shape || before.shape.length !== after.shape.length) return { type: before.type, shape: undefined }
  return {
    type: before.type,
    shape: before.shape.map((dim, axis) => (sameDim(dim, after.shape![axis]!) ? dim : facts.fresh(output, axis))),
  }
}

function withoutSymbols(fact: ValueFact): ValueFact {
  if (fact.holds) return { ...fact, holds: { ...fact.holds, element: withoutSymbols(fact.holds.element) } }
  return { type: fact.type, shape: fact.shape?.map((dim) => (typeof dim === 'number' ? dim : '')) }
}

function sameShape(a: ValueFact, b: ValueFact): boolean {
  if (a.holds && b.holds) {
    const [length, other] = [a.holds.length, b.holds.length]
    const same = length === undefined || other === undefined ? length === other : sameDim(length, other)
    return same && sameShape(a.holds.element, b.holds.element)
  }
  if (!a.shape || !b.shape) return a.shape === b.shape
  return a.shape.length === b.shape.length && a.shape.every((dim, axis) => sameDim(dim, b.shape![axis]!))
}

/** Inputs: trips, condition, carried...; body: (step, condition, carried...) -> (condition, carried..., scanned...). */
function inferLoop(node: Node, facts: Facts): void {
  const body = subgraphOf(node, 'body', facts)
  const carried = node.inputs.slice(2).map((_, index) => withoutContent(facts.fact(index + 2)))
  const fixed: ValueFact[] = [
    { type: 'int64', shape: [] },
    { type: 'bool', shape: [] },
  ]
  const outputs = settle(body, fixed, carried, 1, [], facts)
  const trips = facts.content(0)?.[0]
  // The condition may end the loop early: only where it stays true is the number of trips the length.
  const goesOn = (!node.inputs[1] || facts.content(1)?.[0] === 1) && (passesOn(body) || outputs[0]?.content?.[0] === 1)
  node.outputs.forEach((_, index) => {
    const fact = outputs[index + 1] ?? NOTHING
    if (index < carried.length) {
      const widened = widen(carried[index]!, fact, index, facts)
      facts.setFact(index, { ...widened, type: widened.type ?? fact.type })
      return
    }
    const length = trips !== undefined && goesOn ? (typeof trips === 'number' ? Math.max(trips, 0) : trips) : facts.fresh(index, 0)
    facts.set(index, fact.type, fact.shape && [length, ...fact.shape])
  })
}

/** Whether the body's condition is its own condition input passed through. */
function passesOn(body: Graph): boolean {
  let value = body.outputs[0]
  while (value?.producer?.type === 'Identity') value = value.producer.inputs[0]
  return value !== undefined && value === body.inputs[1]
}

/** Inputs: states..., scanned...; body: (states..., slices...) -> (states..., slices...). */
function inferScan(node: Node, facts: Facts): void {
  const body = subgraphOf(node, 'body', facts)
  const scans = node.int('num_scan_inputs', 0)
  if (scans < 0 || scans > node.inputs.length) facts.fail(`${scans} scanned inputs of ${node.inputs.length}`)
  const states = node.inputs.length - scans
  const inputAxes = node.ints('scan_input_axes') ?? Array<number>(scans).fill(0)
  const outputAxes = node.ints('scan_output_axes') ?? []
  const carried = node.inputs.slice(0, states).map((_, index) => withoutContent(facts.fact(index)))
  let length = undefined as ReturnType<Facts['fresh']> | undefined
  const slices = inputAxes.map((given, index): ValueFact => {
    const shape = facts.shape(states + index)
    if (!shape) return { type: facts.type(states + index), shape: undefined }
    const axis = axisFromFront(given, shape.length, facts)
    length ??= shape[axis]
    return { type: facts.type(states + index), shape: shape.filter((_, at) => at !== axis) }
  })
  const outputs = settle(body, [], carried, 0, slices, facts)
  node.outputs.forEach((_, index) => {
    const fact = outputs[index] ?? NOTHING
    if (index < states || !fact.shape) return facts.set(index, fact.type, fact.shape)
    const axis = axisFromFront(outputAxes[index - states] ?? 0, fact.shape.length + 1, facts)
    facts.set(index, fact.type, [...fact.shape.slice(0, axis), length ?? facts.fresh(index, axis), ...fact.shape.slice(axis)])
  })
}

export const controlFlowRows: readonly OpRow[] = [
  { type: 'If', infer: inferIf },
  { type: 'Loop', infer: inferLoop },
  { type: 'Scan', infer: inferScan },
]

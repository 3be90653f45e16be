import type { Graph, Node, Value } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'
import type { NodeRule, NodeRules } from './call.ts'

/** Branches are functions of the library, whose arguments are the node's inputs after the condition. */
const branches: NodeRule = (call) => {
  const { e, attributes, inputs } = call
  const condition = e.cast(scalar(e, call.input(0)), 'bool')
  const count = call.outputsOf(attributes.func('then_branch'))
  if (count === 0 || count !== call.outputsOf(attributes.func('else_branch')))
    throw e.fail('its branches do not give the same number of outputs')
  const node = addNode(e, 'If', [condition], count)
  for (const attribute of ['then_branch', 'else_branch']) {
    const graph = e.graph.addSubgraph(node, attribute)
    const outputs = e.within(graph, () => call.inline(attributes.func(attribute), graph, inputs.slice(1)))
    outputs.forEach((value) => graph.addOutput(own(e, graph, value)))
    node.attributes.set(attribute, { type: 'graph', value: graph })
  }
  return finished(e, node)
}

/** A loop's condition is asked before the first turn and after each. */
const loop: NodeRule = (call) => {
  const { e, attributes, inputs } = call
  if (inputs.length === 0) throw e.fail('a loop without variables')
  const [cond, body] = [attributes.func('cond'), attributes.func('body')]
  const ask = (graph: Graph, values: readonly Value[]): Value => {
    const [answer, ...rest] = call.inline(cond, graph, values)
    if (!answer || rest.length > 0) throw e.fail('its condition does not give one value')
    return e.cast(scalar(e, answer), 'bool')
  }
  const first = ask(e.graph, inputs)
  if (call.outputsOf(body) !== inputs.length) throw e.fail('its body does not give as many values as it reads')
  const node = addNode(e, 'Loop', [undefined, first, ...inputs], inputs.length)
  const graph = e.graph.addSubgraph(node, 'body')
  e.within(graph, () => {
    e.input(`${e.scope}/turn`, 'int64', [])
    e.input(`${e.scope}/go`, 'bool', [])
    const values = inputs.map((value, index) => e.input(`${e.scope}/variable_${index}`, e.type(value), e.shape(value)))
    const next = call.inline(body, graph, values)
    next.forEach((value, index) => {
      if (e.shape(value).join() !== e.shape(values[index]!).join()) throw e.refuse('a loop whose values change their shape')
    })
    const again = ask(graph, next)
    for (const value of [again, ...next]) graph.addOutput(own(e, graph, value))
  })
  node.attributes.set('body', { type: 'graph', value: graph })
  return finished(e, node)
}

function addNode(e: Emitter, op: string, inputs: readonly (Value | undefined)[], count: number): Node {
  const name = `${e.scope}/${op}`
  const outputs = Array.from({ length: count }, (_, index) => (index === 0 ? name : `${name}:${index}`))
  return e.graph.addNode({ op, name, inputs: [...inputs], outputs })
}

function finished(e: Emitter, node: Node): readonly Value[] {
  e.infer(node)
  return node.outputs.map((value) => value!)
}

/** What a subgraph gives is its own: values from around it, and those that it gives already, go through an Identity. */
function own(e: Emitter, graph: Graph, value: Value): Value {
  const isOwn = value.graph === graph && value.producer && !value.isOutput
  return isOwn ? value : e.within(graph, () => e.node('Identity', [value]))
}

function scalar(e: Emitter, value: Value): Value {
  return e.rank(value) === 0 ? value : e.reshape(value, [])
}

export const controlOps: NodeRules = { If: branches, StatelessIf: branches, While: loop, StatelessWhile: loop }

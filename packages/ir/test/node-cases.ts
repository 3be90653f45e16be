import { readFileSync } from 'node:fs'
import {
  type Attribute,
  type Container,
  type Dim,
  type ElementType,
  Graph,
  Model,
  type Node,
  Tensor,
  type Value,
  byteLengthOf,
  elementTypes,
} from '@whittle/ir'

/** Cases of ONNX's own tests of single nodes: see tools/generate/node_cases.py for the form. */

export type CaseValue =
  [type: string, dims: (number | string)[] | null, elements?: number[]] | [kind: 'seq' | 'optional', element: CaseValue]

interface CaseGraph {
  i: [name: string, value: CaseValue][]
  o: string[]
  c: [name: string, value: CaseValue][]
  g: CaseNode[]
}

type CaseNode = [
  op: string,
  domain: string,
  inputs: string[],
  outputs: string[],
  attributes: Record<string, [type: string, value: unknown]>,
]

export interface NodeCase {
  n: string
  v: number
  i: Record<string, CaseValue>
  o: Record<string, CaseValue>
  g: CaseNode[]
}

export function readCases(): NodeCase[] {
  const text = readFileSync(new URL('./fixtures/node-cases.jsonl', import.meta.url), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as NodeCase)
}

/** `float32[2,3]`, `seq(int64[?])`: how a case's value and an inferred one are compared. */
export function textOf(value: CaseValue): string {
  if (value[0] === 'seq' || value[0] === 'optional') return `${value[0]}(${textOf(value[1] as CaseValue)})`
  return `${value[0]}[${(value[1] as Dim[] | null)?.join(',') ?? '?'}]`
}

function tensorOf([type, dims, elements]: CaseValue): Tensor {
  return Tensor.of(type as ElementType, dims as number[], elements as number[])
}

const isTensor = (value: CaseValue): value is [string, (number | string)[] | null, number[]?] =>
  value[0] !== 'seq' && value[0] !== 'optional'

function containerOf(value: CaseValue): Container {
  const element = value[1] as CaseValue
  return {
    kind: value[0] === 'seq' ? 'sequence' : 'optional',
    element: isTensor(element)
      ? { type: element[0] as ElementType, shape: element[1]?.map((dim) => (dim === '?' ? '' : dim)) }
      : { type: undefined, shape: undefined, holds: containerOf(element) },
  }
}

function addInput(graph: Graph, name: string, value: CaseValue): Value {
  if (isTensor(value)) {
    if (value[2]) return graph.addInitializer(name, tensorOf(value))
    const known = elementTypes.includes(value[0] as ElementType)
    return graph.addInput(
      name,
      known ? (value[0] as ElementType) : undefined,
      value[1]?.map((dim) => (dim === '?' ? '' : dim)),
    )
  }
  const input = graph.addInput(name)
  input.opaqueType = { holds: containerOf(value) }
  return input
}

function addNode(graph: Graph, [op, domain, inputs, outputs, attributes]: CaseNode, scope: Map<string, Value>): void {
  const entries = Object.entries(attributes)
  const plain = entries.filter(([, [type]]) => type !== 'graph')
  const node: Node = graph.addNode({
    op,
    domain,
    inputs: inputs.map((name) => (name === '' ? undefined : scope.get(name))),
    outputs,
    attributes: new Map(plain.map(([name, [type, value]]): [string, Attribute] => [name, attributeOf(type, value)])),
  })
  outputs.forEach((name, index) => name !== '' && scope.set(name, node.outputs[index]!))
  for (const [name, [type, value]] of entries) {
    if (type !== 'graph') continue
    const body = graph.addSubgraph(node, name)
    fill(body, value as CaseGraph, new Map(scope))
    node.attributes.set(name, { type: 'graph', value: body })
  }
}

function attributeOf(type: string, value: unknown): Attribute {
  if (type !== 'tensor') return { type, value } as Attribute
  const [element, dims, elements] = value as [ElementType, number[], number[]?]
  return {
    type: 'tensor',
    value: elements
      ? Tensor.of(element, dims, elements)
      : Tensor.fromBytes(
          element,
          dims,
          new Uint8Array(
            byteLengthOf(
              element,
              dims.reduce((a, b) => a * b, 1),
            ),
          ),
        ),
  }
}

function fill(graph: Graph, source: CaseGraph, scope: Map<string, Value>): void {
  const fresh = (name: string): string => graph.model.uniqueName(name)
  for (const [name, value] of source.i) scope.set(name, addInput(graph, fresh(name), value))
  for (const [name, value] of source.c) {
    const tensor = value as [ElementType, number[], number[]?]
    scope.set(name, graph.addInitializer(fresh(name), attributeOf('tensor', tensor).value as Tensor))
  }
  for (const node of source.g) addNode(graph, node, scope)
  graph.setOutputs(source.o.map((name) => scope.get(name)!))
}

/** A model of the case's node at the inner opset, small inputs being constants. Types and shapes of outputs are left to inference. */
export function modelOf(item: NodeCase): Model {
  const model = new Model(item.n)
  const scope = new Map(Object.entries(item.i).map(([name, value]) => [name, addInput(model.graph, name, value)]))
  for (const node of item.g) addNode(model.graph, node, scope)
  model.graph.setOutputs(Object.keys(item.o).map((name) => scope.get(name)!))
  return model
}

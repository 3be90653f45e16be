import { type Attribute, type Node, Tensor, type Value, asAttribute } from '@whittle/ir'
import { type Kernel, type Stage, bearer } from './form.ts'
import type { Layer } from './layers.ts'

/** Puts the stages in the place of a layer, the bias and what else the node does staying with the last of them. */
export function writeStages({ weight, kernel }: Layer, stages: readonly Stage[]): void {
  const { node, value, input } = weight
  const names = stages.length === 2 ? ['first', 'last'] : ['first', 'core', 'last']
  const isConv = node.type === 'Conv'
  const constants = stages.map((stage, at) =>
    node.graph.addInitializer(`${value.name}_${names[at]}`, isConv ? kernelTensor(stage) : matrixTensor(stage)),
  )
  if (node.type === 'Gather') writeTable(node, constants)
  else if (isConv) writeConvs(node, kernel, stages, constants)
  else {
    node.graph.setInput(node, 0, addBefore(node, 'MatMul', [node.inputs[0], constants[0]], new Map()))
    node.graph.setInput(node, input, constants[1])
    node.attributes.delete('transB')
  }
  if (value.uses.length === 0 && !value.isOutput) value.graph.removeInitializer(value)
}

/** A shorter row of the table, and a matrix behind it that makes it long again. */
function writeTable(node: Node, [table, matrix]: readonly Value[]): void {
  const short = addBefore(node, 'Gather', [table, node.inputs[1]], node.attributes)
  node.graph.replaceUses(node.output, addBefore(node, 'MatMul', [short, matrix], new Map()))
  node.graph.removeNode(node)
}

function writeConvs(node: Node, kernel: Kernel, stages: readonly Stage[], constants: readonly Value[]): void {
  const all = stages.map(({ dims }) => dims.slice(2))
  const attributes = all.map((extents, stage) => convAttributes(node, kernel, extents, (axis) => bearer(all, kernel, axis) === stage))
  let data = node.inputs[0]
  constants.slice(0, -1).forEach((constant, stage) => (data = addBefore(node, 'Conv', [data, constant], attributes[stage]!)))
  node.graph.setInput(node, 0, data)
  node.graph.setInput(node, 1, constants.at(-1))
  node.attributes.clear()
  for (const [name, attribute] of attributes.at(-1)!) node.attributes.set(name, attribute)
}

/** Those of one stage: along the axes that it moves along the layer's own, along others none. */
function convAttributes(
  node: Node,
  { extents: whole }: Kernel,
  extents: readonly number[],
  bears: (axis: number) => boolean,
): Map<string, Attribute> {
  const axes = whole.map((_, axis) => axis)
  const along = (name: string, none: number): number[] => axes.map((axis) => (bears(axis) ? (node.ints(name)?.[axis] ?? none) : none))
  const result = new Map(node.attributes)
  const set = (name: string, values: number[]): unknown => result.set(name, asAttribute(values))
  set('kernel_shape', [...extents])
  set('strides', along('strides', 1))
  set('dilations', along('dilations', 1))
  const pads = node.ints('pads')
  if (pads)
    set(
      'pads',
      [...axes, ...axes].map((axis, at) => (bears(axis) ? pads[at]! : 0)),
    )
  return result
}

function addBefore(node: Node, op: string, inputs: (Value | undefined)[], attributes: Map<string, Attribute>): Value {
  const name = node.name && `${node.name}_${op}`
  return node.graph.addNode({ op, name, inputs, attributes, outputs: [`${node.output.name}_${op}`], before: node }).output
}

function kernelTensor({ dims, data }: Stage): Tensor {
  return Tensor.float32(dims, Float32Array.from(data))
}

/** [outputs, inputs] as MatMul reads it, [inputs, outputs]: a table's rows are its inputs. */
function matrixTensor({ dims, data }: Stage): Tensor {
  const [outputs, inputs] = dims as [number, number]
  const turned = new Float32Array(data.length)
  for (let i = 0; i < inputs; i++) for (let o = 0; o < outputs; o++) turned[i * outputs + o] = data[o * inputs + i]!
  return Tensor.float32([inputs, outputs], turned)
}

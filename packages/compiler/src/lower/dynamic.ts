import {
  type CostTable,
  type Graph,
  type IntegerQuantization,
  type Model,
  type Node,
  Tensor,
  type Value,
  kernelOf,
  opRow,
} from '@whittle/ir'
import { type Sizes, paysDynamically } from './plan.ts'
import { integersOf } from './storage.ts'

/** A node that computes in integers with an input that is rounded at every run. */
export interface DynamicNode {
  readonly node: Node
  readonly weight: Value
  readonly grid: IntegerQuantization
}

/**
 * The nodes for which that pays by the cost table; the reason for each other one that was asked for.
 * @param others nodes that may compute so as well, though nobody asked for it: their inputs were given a grid, and they could not use it.
 */
export function dynamicNodesOf(
  model: Model,
  others: ReadonlySet<Node>,
  sizes: () => Sizes,
  table: CostTable,
): { chosen: DynamicNode[]; skipped: { at: string; why: string }[] } {
  const chosen: DynamicNode[] = []
  const skipped: { at: string; why: string }[] = []
  for (const node of model.nodes()) {
    const [input, weight] = node.inputs
    const asked = input?.quantization?.kind === 'dynamic'
    if (!opRow(node)?.integers || !input || weight?.quantization?.kind !== 'integer' || !(asked || others.has(node))) continue
    const grid = weight.quantization
    const why = whyNot(node, weight, grid)
    if (why === undefined && paysDynamically({ node, input, output: node.output }, sizes(), table)) chosen.push({ node, weight, grid })
    else if (asked) {
      const reason = why ?? 'rounding its input at every run is not faster there'
      skipped.push({ at: node.describe(), why: `${reason}; its weight is only stored in 8 bits` })
    }
  }
  return { chosen, skipped }
}

/**
 * Makes nodes compute in integers with inputs that are rounded at every run: DynamicQuantizeLinear, MatMulInteger or ConvInteger, and a product
 * with the scales.
 */
export function computeDynamically(chosen: readonly DynamicNode[]): void {
  const rounded = new Map<Graph, Map<Value, Rounded>>()
  for (const { node, weight, grid } of chosen) {
    const { graph } = node
    const known = rounded.get(graph) ?? new Map<Value, Rounded>()
    rounded.set(graph, known)
    replace(node, weight, grid, roundedOf(graph, node.inputs[0]!, node, known))
  }
}

/** An input in integers, with its scale and its zero point. */
type Rounded = readonly [integers: Value, scale: Value, zero: Value]

function whyNot(node: Node, weight: Value, grid: IntegerQuantization): string | undefined {
  if (grid.bits > 8) return `its weight has ${grid.bits} bits`
  if (grid.block || !grid.signed) return 'its weight has blocks or zero points'
  if (node.type === 'Conv' && node.int('group', 1) !== 1) return 'a grouped convolution'
  if (
    node.type === 'Gemm' &&
    (node.int('transA', 0) || node.int('transB', 0) || node.float('alpha', 1) !== 1 || node.float('beta', 1) !== 1)
  )
    return 'a Gemm that transposes or has factors'
  const { dims } = weight.tensor!
  if (node.type !== 'Conv' && dims.length !== 2) return 'its weight is no matrix'
  const outputAxis = kernelOf(node)?.outputAxis
  if (grid.axis !== undefined && grid.axis !== outputAxis) return "its scales are not along the output channels' axis"
  return (weight.tensor!.size / dims[outputAxis!]!) * 255 * 127 >= 2 ** 31 ? 'its sums could pass 32 bits' : undefined
}

/** One for all who read the value. */
function roundedOf(graph: Graph, input: Value, before: Node, rounded: Map<Value, Rounded>): Rounded {
  const found = rounded.get(input)
  if (found) return found
  const { name } = input
  const outputs = [`${name}_q`, `${name}_scale`, `${name}_zero`]
  const [q, scale, zero] = graph.addNode({ op: 'DynamicQuantizeLinear', inputs: [input], outputs, before }).outputs as [Value, Value, Value]
  q.elementType = 'uint8'
  q.shape = input.shape
  scale.elementType = 'float32'
  zero.elementType = 'uint8'
  rounded.set(input, [q, scale, zero])
  return [q, scale, zero]
}

/** onnxruntime has ConvInteger for weights of uint8 only, and fuses MatMulInteger with what follows it. */
function replace(node: Node, weight: Value, grid: IntegerQuantization, [integers, scale, zero]: Rounded): void {
  const { graph } = node
  const isConv = node.type === 'Conv'
  const add = (op: string, inputs: (Value | undefined)[], attributes: Node['attributes'] | Record<string, number> = {}): Value => {
    const { output } = graph.addNode({ op, inputs, attributes, before: node })
    output.elementType = op.endsWith('Integer') ? 'int32' : 'float32'
    output.shape = node.output.shape
    return output
  }
  const signed = integersOf(weight.tensor!, grid)
  const stored = isConv
    ? Tensor.of(
        'uint8',
        signed.dims,
        Uint8Array.from(signed.data() as Int8Array, (item) => item + 128),
      )
    : signed
  const packed = graph.addInitializer(`${weight.name}_q`, stored)
  const middle = isConv ? [graph.addInitializer(`${weight.name}_zero`, Tensor.of('uint8', [], [128]))] : []
  const sums = add(isConv ? 'ConvInteger' : 'MatMulInteger', [integers, packed, zero, ...middle], isConv ? node.attributes : {})
  // Scales and bias of a convolution lie along its second dimension.
  const taps = isConv ? signed.dims.slice(2).map(() => 1) : []
  const along = (size: number): number[] => (isConv ? [1, size, ...taps] : [size])
  const ofWeight = graph.addInitializer(
    `${weight.name}_scale`,
    Tensor.float32(grid.axis === undefined ? [] : along(grid.scale.length), grid.scale),
  )
  const scales = add('Mul', [scale, ofWeight])
  scales.shape = grid.axis === undefined ? [] : along(grid.scale.length)
  let result = add('Mul', [add('Cast', [sums], { to: 1 }), scales])
  const bias = node.inputs[2]
  if (bias) {
    const shaped = isConv
      ? add('Reshape', [bias, graph.addInitializer(`${bias.name}_dims`, Tensor.int64([2 + taps.length], [1, -1, ...taps]))])
      : bias
    result = add('Add', [result, shaped])
  }
  graph.replaceUses(node.output, result)
  graph.removeNode(node)
  if (weight.uses.length === 0 && !weight.isOutput) weight.graph.removeInitializer(weight)
}

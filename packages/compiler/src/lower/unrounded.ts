import { type Graph, type Model, type Node, Tensor, type Value } from '@whittle/ir'

/** To what QuantizeLinear saturates. */
const RANGES: Readonly<Record<string, readonly [min: number, max: number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65535],
  int16: [-32768, 32767],
}

/**
 * Leaves out the rounding of activations that a model came with: QuantizeLinear and the DequantizeLinear behind it become a Clip to the range that
 * their integers have, which may stand for a Relu. For targets that have no QuantizeLinear; the outputs are nearer to those of the model before
 * it was quantized.
 * @returns names of the QuantizeLinear nodes that are gone. Those whose integers are read by other nodes stay.
 */
export function leaveUnrounded(model: Model): string[] {
  const gone: string[] = []
  for (const graph of model.graphs())
    for (const node of [...graph.nodes]) {
      const bounds = boundsOf(node)
      if (!bounds) continue
      gone.push(node.describe())
      replace(graph, node, bounds)
    }
  return gone
}

/** Whether {@link leaveUnrounded} would change a model. */
export function isRounded(model: Model): boolean {
  return [...model.nodes()].some((node) => boundsOf(node) !== undefined)
}

/** Between which numbers a pair lets values through; undefined where a node is not the first of a pair with one grid. */
function boundsOf(node: Node): { low: number; high: number } | undefined {
  const [from, scale, zero] = node.inputs
  if (node.type !== 'QuantizeLinear' || node.output.isOutput || node.output.uses.length === 0) return undefined
  if (from?.elementType !== 'float32' || scale?.tensor?.size !== 1 || scale.tensor.type !== 'float32') return undefined
  if (zero && zero.tensor?.size !== 1) return undefined
  if (!zero && node.int('output_dtype', 0) !== 0) return undefined
  const paired = node.output.uses.every(({ node: reader }) => {
    const { type, inputs, output } = reader
    return type === 'DequantizeLinear' && inputs[0] === node.output && same(inputs[1], scale) && same(inputs[2], zero) && !output.isOutput
  })
  const range = RANGES[zero?.tensor?.type ?? 'uint8']
  if (!paired || !range) return undefined
  const step = scale.tensor.toFloat32()[0]!
  const at = zero?.tensor ? Number(zero.tensor.toNumbers()[0]) : 0
  return { low: (range[0] - at) * step, high: (range[1] - at) * step }
}

function same(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b || !a?.tensor || !b?.tensor) return a === b
  return a.tensor.type === b.tensor.type && Buffer.compare(a.tensor.bytes(), b.tensor.bytes()) === 0
}

function replace(graph: Graph, node: Node, { low, high }: { low: number; high: number }): void {
  const { name } = node.output
  const [from, ...constants] = node.inputs
  const ends = [low, high].map((end, index) => graph.addInitializer(`${name}_${index === 0 ? 'low' : 'high'}`, Tensor.float32([], [end])))
  const clipped = graph.addNode({ op: 'Clip', inputs: [from, ...ends], outputs: [`${name}_clip`], before: node }).output
  clipped.elementType = 'float32'
  clipped.shape = from!.shape
  for (const { node: reader } of [...node.output.uses]) {
    for (const use of [...reader.output.uses]) use.node.graph.setInput(use.node, use.index, clipped)
    reader.graph.removeNode(reader)
  }
  graph.removeNode(node)
  for (const value of constants) if (value?.tensor && value.uses.length === 0 && !value.isOutput) value.graph.removeInitializer(value)
}

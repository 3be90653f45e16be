import { type Graph, type Model, type Node, Tensor, UnsupportedError, type Value, kindOf, opRow } from '@whittle/ir'

/** Inputs that an op takes in float32 whatever its data are. */
const FLOAT32_INPUTS: Readonly<Record<string, readonly number[]>> = { Resize: [1, 2], NonMaxSuppression: [0, 1, 2, 3, 4] }
/** Outputs that an op gives in float32 whatever its data are. */
const FLOAT32_OUTPUTS = new Set(['DequantizeLinear', 'DynamicQuantizeLinear'])

/**
 * Makes the whole graph compute in float16. Inputs and outputs keep their types: a Cast stands behind each input and before each output.
 * @throws {UnsupportedError} when an op is not in the op table: what it does to float16 is not known.
 */
export function computeInHalf(model: Model): void {
  for (const node of model.nodes())
    if (!opRow(node))
      throw new UnsupportedError('HALF_OP', `${node.describe()} is not in the op table, so that it cannot be computed in float16`)
  castOutputs(model.graph)
  castInputs(model.graph)
  for (const graph of model.graphs()) {
    for (const value of [...graph.initializers]) {
      if (value.tensor!.type !== 'float32' || value.isInput) continue
      const floats = value.uses.filter(isFloat32Place)
      if (floats.length === value.uses.length) continue
      for (const { node, index } of floats) node.graph.setInput(node, index, graph.addInitializer(`${value.name}_f32`, value.tensor!))
      if (value.tensor!.toFloat32().some((item) => Math.abs(item) > LARGEST))
        throw new UnsupportedError('HALF_RANGE', `'${value.name}' holds values over ${LARGEST}, which float16 cannot`)
      graph.setTensor(value, Tensor.of('float16', value.tensor!.dims, Array.from(value.tensor!.toFloat32())))
    }
    for (const node of [...graph.nodes]) retype(graph, node)
  }
}

function isFloat32Place({ node, index }: { node: Node; index: number }): boolean {
  return FLOAT32_INPUTS[node.type]?.includes(index) ?? false
}

function castInputs(graph: Graph): void {
  const first = graph.nodes[0]
  for (const input of graph.inputs) {
    if (input.elementType !== 'float32') continue
    const readers = [...input.uses]
    const cast = graph.addNode({ op: 'Cast', inputs: [input], attributes: { to: 10 }, outputs: [`${input.name}_f16`], before: first })
    cast.output.elementType = 'float16'
    cast.output.shape = input.shape
    for (const { node, index } of readers) node.graph.setInput(node, index, cast.output)
  }
}

function castOutputs(graph: Graph): void {
  const outputs = graph.outputs.map((output): Value => {
    if (output.elementType !== 'float32' || !output.producer) return output
    const { name } = output
    graph.model.rename(output, graph.model.uniqueName(`${name}_f16`))
    const cast = graph.addNode({ op: 'Cast', inputs: [output], attributes: { to: 1 }, outputs: [name] })
    cast.name = KEEP
    cast.output.elementType = 'float32'
    cast.output.shape = output.shape
    return cast.output
  })
  graph.setOutputs(outputs)
}

/** The greatest finite float16. */
const LARGEST = 65504

/** The name of the Casts before the outputs, which stay as they are. */
const KEEP = 'whittle_output'

function retype(graph: Graph, node: Node): void {
  if (node.name === KEEP) return
  if (node.type === 'Cast' && node.int('to', 0) === 1) node.attributes.set('to', { type: 'int', value: 10 })
  for (const [key, attribute] of node.attributes)
    if (attribute.type === 'tensor' && attribute.value.type === 'float32' && (key === 'value' || node.type === 'Constant'))
      node.attributes.set(key, {
        type: 'tensor',
        value: Tensor.of('float16', attribute.value.dims, Array.from(attribute.value.toFloat32())),
      })
  for (const index of FLOAT32_INPUTS[node.type] ?? []) {
    const value = node.inputs[index]
    if (!value || value.tensor || value.elementType === undefined || kindOf(value.elementType) !== 'float') continue
    const cast = graph.addNode({ op: 'Cast', inputs: [value], attributes: { to: 1 }, outputs: [`${value.name}_f32`], before: node })
    cast.name = KEEP
    graph.setInput(node, index, cast.output)
  }
  for (const output of node.outputs) {
    if (output?.elementType !== 'float32') continue
    if (FLOAT32_OUTPUTS.has(node.type))
      throw new UnsupportedError('HALF_OP', `${node.describe()} gives float32; the model is quantized already`)
    output.elementType = 'float16'
  }
}

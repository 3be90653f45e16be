import { type Graph, type Model, type Node, Tensor, UnsupportedError, type Value, opRow } from '@whittle/ir'

/** Inputs that an op takes in float32 whatever its data are. */
const FLOAT32_INPUTS: Readonly<Record<string, readonly number[]>> = { Resize: [1, 2], NonMaxSuppression: [0, 1, 2, 3, 4] }
/** Ops of quantized models, whose scales and results are float32. */
const QUANTIZED = /^(QLinear|QuantizeLinear|DequantizeLinear|DynamicQuantize)|Integer/
/** The greatest finite float16. */
const LARGEST = 65504

/**
 * Makes the whole graph compute in float16, but for the nodes that give or read what float16 cannot hold and those of models that are quantized
 * already: they compute in float32, with Casts around them. Inputs and outputs of the model keep their types.
 * @returns the nodes that compute in float32, and why.
 * @throws {UnsupportedError} when an op is not in the op table: what it does to float16 is not known.
 */
export function computeInHalf(model: Model): { at: string; why: string }[] {
  for (const node of model.nodes())
    if (!opRow(node))
      throw new UnsupportedError('HALF_OP', `${node.describe()} is not in the op table, so that it cannot be computed in float16`)
  for (const value of model.initializers())
    if (value.tensor!.type === 'float32' && value.tensor!.toFloat32().some((item) => Math.abs(item) > LARGEST))
      value.quantization = { kind: 'float32' }
  return new Halving(model).run()
}

/** Whether a model has a value that float16 cannot hold where it cannot be kept apart: at a node that owns graphs. */
export function whyNotInHalf(model: Model): string | undefined {
  for (const node of model.nodes()) {
    if (node.subgraphs.length === 0) continue
    const inner = node.subgraphs.flatMap((graph) => [...graph.inputs, ...graph.outputs])
    const value = [...node.inputs, ...node.outputs, ...inner].find((item) => item?.quantization?.kind === 'float32')
    if (value) return `'${value.name}' of ${node.describe()} is too large for float16: all computes in float32`
  }
  return undefined
}

function isFull(node: Node): boolean {
  if (QUANTIZED.test(node.op) || node.int('dtype') === 1) return true
  return [...node.inputs, ...node.outputs].some((value) => value?.quantization?.kind === 'float32')
}

/** What is float16 so far, and what stays float32. */
class Halving {
  readonly #model: Model
  readonly #full: ReadonlySet<Node>
  /** Values that were float32 and are float16 now. */
  readonly #halved = new Set<Value>()
  /** Casts that are right as they are. */
  readonly #casts = new Set<Node>()

  constructor(model: Model) {
    this.#model = model
    this.#full = new Set([...model.nodes()].filter(isFull))
  }

  run(): { at: string; why: string }[] {
    const reasons = [...this.#full].map((node) => {
      const why = QUANTIZED.test(node.op) ? 'it is quantized already' : 'it reads or gives what float16 cannot hold'
      return { at: node.describe(), why: `${why}: it computes in float32` }
    })
    this.#castOutputs(this.#model.graph)
    this.#castInputs(this.#model.graph)
    for (const graph of this.#model.graphs()) {
      for (const value of [...graph.initializers]) this.#halve(graph, value)
      for (const node of [...graph.nodes])
        if (this.#full.has(node)) this.#surround(graph, node)
        else if (!this.#casts.has(node)) this.#retype(graph, node)
    }
    return reasons
  }

  #castInputs(graph: Graph): void {
    const first = graph.nodes[0]
    for (const input of graph.inputs) {
      if (input.elementType !== 'float32' || input.quantization?.kind === 'float32') continue
      const readers = [...input.uses]
      const cast = this.#cast(graph, input, 'float16', first)
      for (const { node, index } of readers) node.graph.setInput(node, index, cast)
    }
  }

  #castOutputs(graph: Graph): void {
    const outputs = graph.outputs.map((output): Value => {
      if (output.elementType !== 'float32' || !output.producer || output.quantization?.kind === 'float32') return output
      const { name } = output
      graph.model.rename(output, graph.model.uniqueName(`${name}_f16`))
      return this.#cast(graph, output, 'float32', undefined, name)
    })
    graph.setOutputs(outputs)
  }

  /** Those who need a constant in float32 read one of their own. */
  #halve(graph: Graph, value: Value): void {
    const tensor = value.tensor!
    if (tensor.type !== 'float32' || value.isInput || value.quantization?.kind === 'float32') return
    const floats = value.uses.filter(({ node, index }) => this.#full.has(node) || FLOAT32_INPUTS[node.type]?.includes(index))
    if (floats.length > 0 && floats.length === value.uses.length && !value.isOutput) return
    if (floats.length > 0) {
      const own = graph.addInitializer(`${value.name}_f32`, tensor)
      for (const { node, index } of floats) node.graph.setInput(node, index, own)
    }
    graph.setTensor(value, Tensor.of('float16', tensor.dims, tensor.toFloat32()))
  }

  /** Puts Casts around a node that computes in float32. */
  #surround(graph: Graph, node: Node): void {
    for (const [index, value] of node.inputs.entries())
      if (value && this.#halved.has(value)) graph.setInput(node, index, this.#cast(graph, value, 'float32', node))
    const after = graph.nodes[graph.nodes.indexOf(node) + 1]
    for (const output of node.outputs) {
      if (output?.elementType !== 'float32' || output.quantization?.kind === 'float32') continue
      const floats = output.uses.filter(({ node: reader }) => this.#full.has(reader) || this.#casts.has(reader))
      if (floats.length === output.uses.length && !output.isOutput) continue
      const cast = this.#cast(graph, output, 'float16', after)
      graph.replaceUses(output, cast)
      graph.setInput(cast.producer!, 0, output)
      for (const { node: reader, index } of floats) reader.graph.setInput(reader, index, output)
    }
  }

  #retype(graph: Graph, node: Node): void {
    if (node.type === 'Cast' && node.int('to', 0) === 1) node.attributes.set('to', { type: 'int', value: 10 })
    for (const [key, attribute] of node.attributes)
      if (attribute.type === 'tensor' && attribute.value.type === 'float32' && (key === 'value' || node.type === 'Constant'))
        node.attributes.set(key, {
          type: 'tensor',
          value: Tensor.of('float16', attribute.value.dims, attribute.value.toFloat32()),
        })
    for (const index of FLOAT32_INPUTS[node.type] ?? []) {
      const value = node.inputs[index]
      if (value && this.#halved.has(value)) graph.setInput(node, index, this.#cast(graph, value, 'float32', node))
    }
    for (const output of node.outputs) {
      if (output?.elementType !== 'float32') continue
      output.elementType = 'float16'
      this.#halved.add(output)
    }
  }

  #cast(graph: Graph, value: Value, to: 'float16' | 'float32', before?: Node, name = `${value.name}_${to}`): Value {
    const cast = graph.addNode({ op: 'Cast', inputs: [value], attributes: { to: to === 'float16' ? 10 : 1 }, outputs: [name], before })
    this.#casts.add(cast)
    cast.output.elementType = to
    cast.output.shape = value.shape
    if (to === 'float16') this.#halved.add(cast.output)
    return cast.output
  }
}

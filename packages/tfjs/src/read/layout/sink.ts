import { type Graph, type Model, type Node, Tensor, type Value, constantOf, opRow, permuted } from '@whittle/ir'
import { madeFrom } from '../origin.ts'
import { inverse } from '../inverse.ts'
import { type Sunk, sinkers } from './sinkers.ts'

/**
 * Moves Transposes towards the outputs through what does not mind the order of axes, merges those that meet, and drops those that undo
 * each other: of the two around every layer, one at each end of the model is left.
 */
export function sinkTransposes(model: Model): void {
  for (const graph of model.graphs()) new Layout(graph).run()
}

class Layout {
  readonly #graph: Graph
  /** Values in another order of axes, by that order. */
  readonly #known = new Map<Value, Map<string, Value>>()

  constructor(graph: Graph) {
    this.#graph = graph
  }

  run(): void {
    for (const node of [...this.#graph.nodes]) {
      if (node.outputs.every((output) => output && output.uses.length === 0 && !output.isOutput)) {
        this.#graph.removeNode(node)
      } else if (node.type === 'Transpose') this.#merge(node)
      else this.#sink(node)
    }
  }

  /** A Transpose of a Transpose becomes one or none; of two alike, one is left; one that moves nothing but ones is a Reshape. */
  #merge(node: Node): void {
    const perm = permOf(node)
    const source = node.inputs[0]
    if (!perm || !source) return
    const { from, order } = composed(source, perm)
    if (isIdentity(order)) {
      if (this.#graph.replaceUses(node.output, from)) this.#remove(node)
      return
    }
    const known = this.#known.get(from)?.get(order.join())
    if (known) {
      if (this.#graph.replaceUses(node.output, known)) this.#remove(node)
      return
    }
    if (this.#asReshape(node, from, order)) return
    if (from !== source) {
      this.#graph.setInput(node, 0, from)
      node.attributes.set('perm', { type: 'ints', value: order })
    }
    this.#remember(from, order, node.output)
  }

  #asReshape(node: Node, from: Value, order: readonly number[]): boolean {
    const { output } = node
    const reshaped = this.#trivial(from, order, node)
    if (!reshaped) return false
    if (!this.#graph.replaceUses(output, reshaped)) return false
    this.#remove(node)
    return true
  }

  /** The value in another order of axes, where only axes of length one change their place: a Reshape. */
  #trivial(from: Value, order: readonly number[], before: Node): Value | undefined {
    const shape = from.shape
    if (!shape || from.graph !== this.#graph) return undefined
    const moved = order.filter((axis) => shape[axis] !== 1)
    if (moved.some((axis, index) => index > 0 && axis < moved[index - 1]!)) return undefined
    const dims = order.map((axis) => shape[axis]!)
    if (dims.filter((dim) => typeof dim !== 'number').length > 1) return undefined
    const source = beforeReshapes(from)
    const sizes = Tensor.int64(
      [dims.length],
      dims.map((dim) => (typeof dim === 'number' ? dim : -1)),
    )
    const target = this.#graph.model.graph.addInitializer(`${from.name}/shape`, sizes)
    const value = this.#graph.addNode({
      op: 'Reshape',
      name: before.name,
      inputs: [source, target],
      outputs: [`${from.name}/Reshape`],
      before,
    }).output
    value.shape = dims
    value.elementType = from.elementType
    this.#remember(from, order, value)
    return value
  }

  #sink(node: Node): void {
    const perm = node.inputs.map((input) => input && transposeOf(input)).find((found) => found !== undefined)
    const sink = Object.hasOwn(sinkers, node.type) ? sinkers[node.type] : isElementwise(node) ? sinkers['elementwise'] : undefined
    if (!perm || !sink || node.subgraphs.length > 0) return
    const sunk = sink(node, perm)
    if (!sunk || !this.#worthwhile(node, perm, sunk)) return
    const inputs = node.inputs.map((input, index) => {
      const given = sunk.inputs?.[index]
      if (given) return madeFrom(this.#graph.model.graph.addInitializer(input!.name, given), input!)
      return input && sunk.moved.includes(index) ? this.#untransposed(input, perm, node) : input
    })
    if (sunk.moved.some((index) => node.inputs[index] && !inputs[index])) return
    this.#replace(node, inputs, sunk)
  }

  #replace(node: Node, inputs: (Value | undefined)[], sunk: Sunk): void {
    const graph = this.#graph
    const attributes = new Map(node.attributes)
    for (const [name, value] of Object.entries(sunk.attributes ?? {})) attributes.set(name, value)
    const moved = graph.addNode({
      op: node.op,
      name: node.name,
      inputs,
      attributes,
      outputs: node.outputs.map((output) => (output ? `${output.name}/moved` : '')),
      before: node,
    })
    node.outputs.forEach((output, index) => {
      const inner = moved.outputs[index]
      if (!output || !inner) return
      inner.elementType = output.elementType
      const back = inverse(sunk.perm)
      inner.shape = output.shape && back.map((axis) => output.shape![axis]!)
      let outer = inner
      if (!isIdentity(sunk.perm)) {
        outer = graph.addNode({
          op: 'Transpose',
          name: `${node.name}/Transpose`,
          inputs: [inner],
          attributes: { perm: [...sunk.perm] },
          outputs: [`${output.name}/Transpose`],
          before: node,
        }).output
        outer.shape = output.shape && [...output.shape]
        outer.elementType = output.elementType
        this.#remember(inner, sunk.perm, outer)
      }
      const { name } = output
      const isPublic = output.isOutput
      graph.replaceUses(output, outer)
      if (!isPublic) {
        graph.model.rename(output, graph.model.uniqueName(`${name}/replaced`))
        graph.model.rename(inner, name)
      }
    })
    this.#remove(node)
  }

  /** Not where more Transposes come than go. */
  #worthwhile(node: Node, perm: readonly number[], sunk: Sunk): boolean {
    const back = inverse(perm)
    let [gone, made] = [0, 0]
    for (const index of new Set(sunk.moved)) {
      const input = node.inputs[index]!
      if (sunk.inputs?.[index]) continue
      const own = transposeOf(input)
      if (own?.join() === perm.join()) gone += input.uses.length === 1 ? 1 : 0.5
      else if (!this.#free(input, back)) made++
    }
    return made <= gone
  }

  #free(input: Value, order: readonly number[]): boolean {
    if (constantOf(input) || this.#known.get(input)?.has(order.join())) return true
    const { from, order: whole } = composed(input, order)
    if (isIdentity(whole)) return true
    const { shape } = from
    const moved = whole.filter((axis) => shape?.[axis] !== 1)
    return shape !== undefined && !moved.some((axis, index) => index > 0 && axis < moved[index - 1]!)
  }

  /** What was there before a Transpose by `perm`, or is made so. */
  #untransposed(input: Value, perm: readonly number[], before: Node): Value | undefined {
    const { from, order } = composed(input, inverse(perm))
    if (isIdentity(order)) return from
    const tensor = from.isInput ? undefined : from.tensor
    if (tensor) return madeFrom(this.#graph.model.graph.addInitializer(from.name, permuted(tensor, order)), from)
    if (from.graph !== this.#graph) return undefined
    const known = this.#known.get(from)?.get(order.join())
    if (known) return known
    const reshaped = this.#trivial(from, order, before)
    if (reshaped) return reshaped
    const value = this.#graph.addNode({
      op: 'Transpose',
      name: `${from.name}/Transpose`,
      inputs: [from],
      attributes: { perm: order },
      outputs: [`${from.name}/Transpose`],
      before,
    }).output
    value.shape = from.shape && order.map((axis) => from.shape![axis]!)
    value.elementType = from.elementType
    this.#remember(from, order, value)
    return value
  }

  #remember(from: Value, order: readonly number[], to: Value): void {
    const known = this.#known.get(from) ?? new Map<string, Value>()
    known.set(order.join(), to)
    this.#known.set(from, known)
  }

  /** Removes a node, and the Transposes before it that nobody else reads. */
  #remove(node: Node): void {
    const inputs = [...node.inputs]
    this.#graph.removeNode(node)
    for (const input of inputs) {
      const producer = input?.producer
      if (producer?.type !== 'Transpose' || producer.graph !== this.#graph || input!.uses.length > 0 || input!.isOutput) continue
      const source = producer.inputs[0]
      if (source) this.#known.get(source)?.delete(permOf(producer)?.join() ?? '')
      this.#remove(producer)
    }
  }
}

/** The value whose elements these are, in their order: a Reshape of Reshapes is one of the first. */
function beforeReshapes(value: Value): Value {
  let at = value
  while (at.producer && ['Reshape', 'Unsqueeze', 'Squeeze'].includes(at.producer.type) && at.producer.inputs[0]) at = at.producer.inputs[0]
  return at.graph === value.graph ? at : value
}

function isElementwise(node: Node): boolean {
  return node.domain === '' && opRow(node)?.elementwise === true && node.outputs.length === 1
}

function permOf(node: Node): number[] | undefined {
  const rank = node.inputs[0]?.shape?.length
  return node.ints('perm') ?? (rank === undefined ? undefined : Array.from({ length: rank }, (_, axis) => rank - 1 - axis))
}

function transposeOf(value: Value): number[] | undefined {
  return value.producer?.type === 'Transpose' ? permOf(value.producer) : undefined
}

/** A Transpose by `perm` of a value, Transposes before it counted in. */
function composed(value: Value, perm: readonly number[]): { from: Value; order: number[] } {
  let [from, order] = [value, [...perm]]
  for (let own = transposeOf(from); own && from.producer; own = transposeOf(from)) {
    order = order.map((axis) => own![axis]!)
    from = from.producer.inputs[0]!
  }
  return { from, order }
}

function isIdentity(perm: readonly number[]): boolean {
  return perm.every((axis, index) => axis === index)
}

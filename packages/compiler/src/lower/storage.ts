import {
  type CodebookQuantization,
  type DynamicQuantization,
  type FullPrecision,
  type Graph,
  type IntegerQuantization,
  type Node,
  type Quantization,
  type ScaleGrid,
  Tensor,
  type Value,
  rangeOf,
  scaleDims,
  scaleIndices,
} from '@whittle/ir'

/** The integers of a weight that holds representable values: in 8 bits where they fit, else in 16. */
export function integersOf(tensor: Tensor, quantization: IntegerQuantization): Tensor {
  const { scale, zeroPoint, signed, bits } = quantization
  const data = tensor.toFloat32()
  const indices = scaleIndices(tensor.dims, quantization)
  const { min, max } = rangeOf(quantization)
  const integers = arrayFor(bits, signed, data.length)
  for (let at = 0; at < data.length; at++) {
    const index = indices[at]!
    const q = Math.round(data[at]! / scale[index]! + zeroPoint[index]!)
    integers[at] = q < min ? min : q > max ? max : q
  }
  return Tensor.of(`${signed ? '' : 'u'}int${bits > 8 ? 16 : 8}`, tensor.dims, integers)
}

function arrayFor(bits: number, signed: boolean, length: number): Int8Array | Uint8Array | Int16Array | Uint16Array {
  if (bits > 8) return signed ? new Int16Array(length) : new Uint16Array(length)
  return signed ? new Int8Array(length) : new Uint8Array(length)
}

/** Which level of a codebook each element of a weight that holds representable values is. */
export function levelsOf(tensor: Tensor, quantization: CodebookQuantization): Tensor {
  const { scale, levels } = quantization
  const data = tensor.toFloat32()
  const indices = scaleIndices(tensor.dims, quantization)
  const result = new Uint8Array(data.length)
  for (let at = 0; at < data.length; at++) {
    const value = data[at]! / scale[indices[at]!]!
    let [low, high] = [0, levels.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (value > (levels[middle]! + levels[middle + 1]!) / 2) low = middle + 1
      else high = middle
    }
    result[at] = low
  }
  return Tensor.of('uint8', tensor.dims, result)
}

/**
 * Stores an annotated weight in fewer bits, and unfolds it with ops that runtimes fold into a constant when the session is made: `Cast`, `Gather`
 * of levels, `Sub` of zero points, and `Mul` by the scales. (DequantizeLinear is not folded, and computes at every run.)
 * @returns false, and changes nothing, where it cannot: a constant that its graph gives out.
 */
export function storeWeight(value: Value): boolean {
  const { quantization, graph } = value
  const first = graph.nodes[0]
  if (!quantization || quantization.kind === 'float32' || quantization.kind === 'dynamic' || !first || value.isOutput) return false
  const tensor = value.tensor!
  const readers = [...value.uses]
  const result = new Unfolding(graph, value.name, first).unfold(tensor, quantization)
  result.elementType = 'float32'
  result.shape = [...tensor.dims]
  for (const { node, index } of readers) node.graph.setInput(node, index, result)
  graph.removeInitializer(value)
  return true
}

/** Adds the constants and the nodes that give a weight. */
class Unfolding {
  readonly #graph: Graph
  readonly #name: string
  readonly #before: Node

  constructor(graph: Graph, name: string, before: Node) {
    this.#graph = graph
    this.#name = name
    this.#before = before
  }

  unfold(tensor: Tensor, quantization: Exclude<Quantization, FullPrecision | DynamicQuantization>): Value {
    switch (quantization.kind) {
      case 'float16':
        return this.#cast(this.#constant('q', Tensor.of('float16', tensor.dims, tensor.toFloat32())), 'float32')
      case 'codebook': {
        const indices = this.#cast(this.#constant('q', levelsOf(tensor, quantization)), 'int32')
        const { levels } = quantization
        const units = this.#node('Gather', [this.#constant('levels', Tensor.float32([levels.length], levels)), indices])
        return quantization.scale.every((factor) => factor === 1)
          ? units
          : this.#node('Mul', [units, this.#scales(tensor.dims, quantization)])
      }
      case 'integer': {
        const integers = this.#cast(this.#constant('q', integersOf(tensor, quantization)), 'float32')
        const shifted = quantization.zeroPoint.some((zero) => zero !== 0)
          ? this.#node('Sub', [integers, this.#zeros(tensor.dims, quantization)])
          : integers
        return this.#node('Mul', [shifted, this.#scales(tensor.dims, quantization)])
      }
    }
  }

  #scales(dims: readonly number[], grid: CodebookQuantization | IntegerQuantization): Value {
    return this.#spread(this.#constant('scale', Tensor.float32(partsOf(dims, grid), grid.scale)), dims, grid)
  }

  /** In a byte each, where they are whole numbers. */
  #zeros(dims: readonly number[], grid: IntegerQuantization): Value {
    const { zeroPoint } = grid
    const parts = partsOf(dims, grid)
    const zeros = zeroPoint.every((zero) => Number.isInteger(zero) && zero >= 0 && zero < 256)
      ? this.#cast(this.#constant('zero', Tensor.of('uint8', parts, Uint8Array.from(zeroPoint))), 'float32')
      : this.#constant('zero', Tensor.float32(parts, Float32Array.from(zeroPoint)))
    return this.#spread(zeros, dims, grid)
  }

  /** One number a block becomes one for each index, so that it broadcasts against the whole. */
  #spread(parts: Value, dims: readonly number[], { block }: ScaleGrid): Value {
    if (!block || block.size === 1) return parts
    const at = Int32Array.from({ length: dims[block.axis]! }, (_, index) => Math.floor(index / block.size))
    return this.#node('Gather', [parts, this.#constant('block', Tensor.of('int32', [at.length], at))], { axis: block.axis })
  }

  #constant(suffix: string, tensor: Tensor): Value {
    return this.#graph.addInitializer(`${this.#name}_${suffix}`, tensor)
  }

  #cast(value: Value, to: 'float32' | 'int32'): Value {
    return this.#node('Cast', [value], { to: to === 'float32' ? 1 : 6 })
  }

  #node(op: string, inputs: Value[], attributes: Record<string, number> = {}): Value {
    return this.#graph.addNode({ op, inputs, attributes, outputs: [`${this.#name}_w`], before: this.#before }).output
  }
}

/** Scales in a shape that broadcasts along the axis; as few dims as do. */
function partsOf(dims: readonly number[], grid: ScaleGrid): number[] {
  if (grid.axis === undefined && !grid.block) return []
  const parts = scaleDims(dims, grid)
  return grid.block ? parts : parts.slice(grid.axis)
}

import { type IntegerQuantization, Tensor, type Value, rangeOf } from '@whittle/ir'

/** The integers of a weight that holds representable values, in int8 or uint8. */
export function integersOf(tensor: Tensor, quantization: IntegerQuantization): Tensor {
  const { scale, zeroPoint, axis, signed } = quantization
  const data = tensor.toFloat32()
  const inner = axis === undefined ? data.length : tensor.dims.slice(axis + 1).reduce((a, b) => a * b, 1)
  const channels = scale.length
  const { min, max } = rangeOf(quantization)
  const integers = new (signed ? Int8Array : Uint8Array)(data.length)
  for (let index = 0; index < data.length; index++) {
    const channel = channels === 1 ? 0 : Math.floor(index / inner) % channels
    integers[index] = Math.max(min, Math.min(max, Math.round(data[index]! / scale[channel]!) + zeroPoint[channel]!))
  }
  return Tensor.of(signed ? 'int8' : 'uint8', tensor.dims, integers)
}

/**
 * Stores an annotated weight in fewer bits, and unfolds it with ops that runtimes fold into a constant when the session is made: `Cast`, and
 * `Mul` by the scales. (DequantizeLinear is not folded, and computes at every run.)
 */
export function storeWeight(value: Value): void {
  const { quantization, graph } = value
  const tensor = value.tensor!
  const readers = [...value.uses]
  const first = graph.nodes[0]
  if (!quantization || !first) return
  const { name } = value
  const stored = quantization.kind === 'float16' ? Tensor.of('float16', tensor.dims, tensor.toFloat32()) : integersOf(tensor, quantization)
  const packed = graph.addInitializer(`${name}_q`, stored)
  const cast = graph.addNode({ op: 'Cast', inputs: [packed], attributes: { to: 1 }, outputs: [`${name}_f`], before: first })
  let result = cast.output
  if (quantization.kind === 'integer') {
    const scale = graph.addInitializer(`${name}_scale`, scaleTensor(tensor.dims, quantization))
    result = graph.addNode({ op: 'Mul', inputs: [cast.output, scale], outputs: [`${name}_w`], before: first }).output
  }
  result.elementType = 'float32'
  result.shape = [...tensor.dims]
  for (const { node, index } of readers) node.graph.setInput(node, index, result)
  graph.removeInitializer(value)
}

/** Scales in a shape that broadcasts along the axis. */
function scaleTensor(dims: readonly number[], { scale, axis }: IntegerQuantization): Tensor {
  const shape = axis === undefined ? [] : [scale.length, ...dims.slice(axis + 1).map(() => 1)]
  return Tensor.float32(shape, scale)
}

import { type Node, Tensor, type Value } from '@whittle/ir'
import { fuseActivation } from './activation.ts'
import { permutedWeight } from './stored.ts'
import { type ProgramWriter, type Ref, onlyReader, unsupported } from './writer.ts'

/** MatMul: by weights, with the sum and the activation after it; or of two values. */
export function matMul(writer: ProgramWriter, node: Node): void {
  const [a, b] = node.inputs as [Value, Value]
  const weights = b.tensor
  if (weights?.dims.length === 2 && writer.rank(a) >= 2) {
    const filter = writer.weight(b.name, weights, weights.dims, b.quantization)
    const { bias, output } = fuseBias(writer, node.output, weights.dims[1]!)
    return dense(writer, writer.plain(a), filter, bias, output)
  }
  if (writer.rank(a) < 2 || writer.rank(b) < 2) throw unsupported(`${node.describe()} multiplies a vector`)
  const [left, right] = [batchOf(a), batchOf(b)]
  // The kernel takes batches that are equal, or 1 on one side.
  const fits = left.every((dim) => dim === 1) || right.every((dim) => dim === 1) || String(left) === String(right)
  if (!fits) throw unsupported(`${node.describe()} broadcasts some of its batches`)
  writer.give(node.output, writer.emit('BatchMatMul', [writer.plain(a), writer.plain(b)]), 'plain')
}

function batchOf(value: Value): (number | string)[] {
  return [...(value.tensor?.dims ?? value.shape ?? [])].slice(0, -2)
}

/** A bias of one number a feature that is added after a product. */
function fuseBias(writer: ProgramWriter, value: Value, features: number): { bias: Ref | null; output: Value } {
  const reader = onlyReader(value)
  const other = reader?.type === 'Add' ? reader.inputs.find((input) => input !== value) : undefined
  const tensor = other?.tensor
  if (!reader || !tensor || tensor.size !== features || tensor.dims.at(-1) !== features || tensor.dims.length > writer.rank(value))
    return { bias: null, output: value }
  writer.fused.add(reader)
  return { bias: writer.weight(other!.name, Tensor.float32([features], tensor.toFloat32())), output: reader.output }
}

function dense(writer: ProgramWriter, x: Ref, filter: Ref, bias: Ref | null, value: Value): void {
  const { attributes, output } = fuseActivation(writer, value)
  writer.give(output, writer.emit('_FusedMatMul', [x, filter, bias], attributes), 'plain')
}

/** Gemm with constant weights. */
export function gemm(writer: ProgramWriter, node: Node): void {
  const [a, b, c] = node.inputs as [Value, Value, Value?]
  const [alpha, beta] = [node.float('alpha', 1), node.float('beta', 1)]
  if (!b.tensor || node.int('transA', 0) === 1 || (c && !c.tensor)) throw unsupported(`the weights of ${node.describe()} are not constant`)
  const turned = node.int('transB', 0) === 1
  const stored = { tensor: b.tensor, quantization: b.quantization }
  const { tensor, quantization } = turned ? permutedWeight(stored, [1, 0]) : stored
  const scaled =
    alpha === 1
      ? tensor
      : Tensor.float32(
          tensor.dims,
          tensor.toFloat32().map((value) => value * alpha),
        )
  const filter = writer.weight(b.name, scaled, tensor.dims, alpha === 1 ? quantization : undefined)
  const features = tensor.dims[1]!
  let bias: Ref | null = null
  if (c) {
    const numbers = c.tensor!.toFloat32()
    if (numbers.length !== 1 && (numbers.length !== features || c.tensor!.dims.at(-1) !== features))
      throw unsupported(`${node.describe()} adds a matrix`)
    const all = Float32Array.from({ length: features }, (_, at) => beta * numbers[numbers.length === 1 ? 0 : at]!)
    bias = writer.weight(c.name, Tensor.float32([features], all))
  }
  dense(writer, writer.plain(a), filter, bias, node.output)
}

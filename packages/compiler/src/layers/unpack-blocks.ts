import { type Node, constantOf } from '@whittle/ir'

/**
 * What the packed weight of MatMulNBits or GatherBlockQuantized stands for: elements of 4 or 8 bits, the first in the low bits, a scale and a zero
 * point for each block. Of MatMulNBits as the matrix that MatMul would take, [K, N].
 * @returns undefined where a constant is missing, or the layout is another.
 */
export function unpackBlocks(node: Node): { dims: number[]; data: Float32Array } | undefined {
  const isProduct = node.op === 'MatMulNBits'
  const [q, scale, zero] = [constantOf(node.inputs[isProduct ? 1 : 0]), constantOf(node.inputs[2]), constantOf(node.inputs[3])]
  const [bits, size] = [node.int('bits', 4), node.int('block_size', 0)]
  if (!q || !scale || q.type !== 'uint8' || (bits !== 4 && bits !== 8) || size === 0) return undefined
  const rows = q.dims[0]!
  const stride = q.size / rows
  const length = isProduct ? node.int('K', 0) : (stride * 8) / bits
  const blocks = Math.ceil(length / size)
  const bytes = q.bytes()
  const scales = scale.toFloat32()
  if (scales.length !== rows * blocks || stride * 8 < length * bits) return undefined
  const zeros = zero?.bytes()
  const zeroStride = Math.ceil((blocks * bits) / 8)
  const element = (from: Uint8Array, start: number, at: number): number =>
    bits === 8 ? from[start + at]! : (from[start + (at >> 1)]! >> (at % 2 === 0 ? 0 : 4)) & 15
  const data = new Float32Array(rows * length)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < length; column++) {
      const block = Math.floor(column / size)
      const middle = zeros ? element(zeros, row * zeroStride, block) : 2 ** (bits - 1)
      data[isProduct ? column * rows + row : row * length + column] =
        (element(bytes, row * stride, column) - middle) * scales[row * blocks + block]!
    }
  return { dims: isProduct ? [length, rows] : [rows, length], data }
}

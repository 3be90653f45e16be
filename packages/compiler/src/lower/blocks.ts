import { type IntegerQuantization, type Model, type Node, Tensor, type Target, type Value, scaleIndices } from '@whittle/ir'
import { integersOf } from './storage.ts'

/** What became of the nodes that a target could compute in blocks. */
export interface BlockLowering {
  readonly nodes: string[]
  readonly skipped: { at: string; why: string }[]
}

/**
 * Makes products with an annotated matrix MatMulNBits, and look-ups in an annotated table GatherBlockQuantized, where the target computes in
 * them: 4 bits an element (8 where the grid has more than 4), a scale for each block of a row, zero points where the grid has them.
 */
export function computeInBlocks(model: Model, target: Target): BlockLowering {
  const nodes: string[] = []
  const skipped: { at: string; why: string }[] = []
  for (const graph of model.graphs())
    for (const node of [...graph.nodes]) {
      const isProduct = node.type === 'MatMul' || node.type === 'Gemm'
      if (!(isProduct && target.computes.includes('matmul-nbits')) && !(node.type === 'Gather' && target.computes.includes('gather-block')))
        continue
      const weight = node.inputs[isProduct ? 1 : 0]
      if (!weight?.tensor || weight.isInput || weight.quantization?.kind !== 'integer' || isPlain(weight.quantization)) continue
      const at = node.describe()
      const why = isProduct ? product(node, weight, weight.quantization) : lookUp(node, weight, weight.quantization)
      if (why === undefined) nodes.push(at)
      else skipped.push({ at, why: `${why}; its weight is only stored in fewer bits` })
    }
  if (nodes.length > 0) model.opsets.set('com.microsoft', 1)
  return { nodes, skipped }
}

/** 8 bits and a scale a channel: one file for all targets, which unfold it, is worth more than half of the weights' memory. */
function isPlain({ bits, block }: IntegerQuantization): boolean {
  return bits >= 8 && !block
}

/** @returns why the node stays as it is. */
function product(node: Node, weight: Value, grid: IntegerQuantization): string | undefined {
  const bias = node.inputs[2]
  if (node.type === 'Gemm' && (node.int('transA', 0) !== 0 || node.float('alpha', 1) !== 1 || node.float('beta', 1) !== 1))
    return 'a Gemm with factors'
  const swapped = node.int('transB', 0) !== 0
  const packed = packRows(weight.tensor!, grid, swapped ? 'rows' : 'columns')
  if (typeof packed === 'string') return packed
  const { graph } = node
  const { rows, length, bits, size } = packed
  const result = graph.addNode({
    op: 'MatMulNBits',
    domain: 'com.microsoft',
    inputs: [
      node.inputs[0],
      graph.addInitializer(`${weight.name}_q`, packed.elements.reshape([rows, packed.blocks, (size * bits) / 8])),
      graph.addInitializer(`${weight.name}_scale`, packed.scales),
      packed.zeros && graph.addInitializer(`${weight.name}_zero`, packed.zeros),
    ],
    attributes: { K: length, N: rows, bits, block_size: size },
    before: node,
  }).output
  result.elementType = 'float32'
  result.shape = node.output.shape
  let last = result
  if (bias) {
    last = graph.addNode({ op: 'Add', inputs: [result, bias], before: node }).output
    last.elementType = 'float32'
    last.shape = node.output.shape
  }
  replace(node, last, weight)
  return undefined
}

/** @returns why the node stays as it is. */
function lookUp(node: Node, weight: Value, grid: IntegerQuantization): string | undefined {
  if (node.int('axis', 0) !== 0) return 'a look-up of columns'
  const packed = packRows(weight.tensor!, grid, 'rows')
  if (typeof packed === 'string') return packed
  const { rows, length, bits, size } = packed
  if (length % size !== 0) return `its rows of ${length} are no whole number of blocks of ${size}`
  const { graph } = node
  const result = graph.addNode({
    op: 'GatherBlockQuantized',
    domain: 'com.microsoft',
    inputs: [
      graph.addInitializer(`${weight.name}_q`, packed.elements.reshape([rows, (length * bits) / 8])),
      node.inputs[1],
      graph.addInitializer(`${weight.name}_scale`, packed.scales),
      packed.zeros && graph.addInitializer(`${weight.name}_zero`, packed.zeros),
    ],
    attributes: { bits, block_size: size, gather_axis: 0, quantize_axis: 1 },
    before: node,
  }).output
  result.elementType = 'float32'
  result.shape = node.output.shape
  replace(node, result, weight)
  return undefined
}

/** All who read the node read `value`; the node and the weight that nobody else reads go. */
function replace(node: Node, value: Value, weight: Value): void {
  const { graph } = node
  graph.replaceUses(node.output, value)
  graph.removeNode(node)
  if (weight.uses.length === 0 && !weight.isOutput) weight.graph.removeInitializer(weight)
}

interface PackedRows {
  readonly rows: number
  /** Elements of a row, without those that fill up its last block. */
  readonly length: number
  readonly blocks: number
  readonly bits: 4 | 8
  /** Elements of a block. */
  readonly size: number
  readonly elements: Tensor
  /** [rows, blocks] */
  readonly scales: Tensor
  /** Undefined where all are in the middle of the range, which is the default. */
  readonly zeros: Tensor | undefined
}

const LEAST_BLOCK = 16
const MOST_BLOCK = 256
/** Of a grid that has no blocks of its own: few scales, and no long last block. */
const DEFAULT_BLOCK = 128

/**
 * The rows or the columns of a matrix, cut into blocks and packed, the first element in the low bits.
 * @returns why it cannot be.
 */
function packRows(tensor: Tensor, grid: IntegerQuantization, side: 'rows' | 'columns'): PackedRows | string {
  if (tensor.dims.length !== 2) return 'its weight is no matrix'
  if (grid.bits > 8) return `its weight has ${grid.bits} bits`
  const [along, across] = side === 'rows' ? [1, 0] : [0, 1]
  if (grid.axis === along || (grid.block && grid.block.axis !== along)) return 'its scales are not along the blocks of a row'
  if (!grid.zeroPoint.every(Number.isInteger)) return 'its zero points have fractions'
  const [rows, length] = [tensor.dims[across]!, tensor.dims[along]!]
  const size = blockSize(grid, length)
  if (size === undefined) return `a block of ${grid.block?.size} is not one of 16, 32, 64, 128 or 256`
  const bits = grid.bits <= 4 ? 4 : 8
  const blocks = Math.ceil(length / size)
  const integers = integersOf(tensor, grid).data() as Int8Array | Uint8Array
  const indices = scaleIndices(tensor.dims, grid)
  // Signed integers are moved up, so that their zero is in the middle.
  const middle = 2 ** (bits - 1)
  const shift = grid.signed ? middle : 0
  const zeroAt = (index: number): number => grid.zeroPoint[index]! + shift
  const scales = new Float32Array(rows * blocks)
  const zeros = new Uint8Array(rows * blocks)
  const elements = new Uint8Array(rows * blocks * size)
  for (let row = 0; row < rows; row++)
    for (let block = 0; block < blocks; block++) {
      const at = row * blocks + block
      const first = placeOf(row, block * size)
      scales[at] = grid.scale[indices[first]!]!
      zeros[at] = zeroAt(indices[first]!)
      for (let inside = 0; inside < size; inside++) {
        const column = block * size + inside
        elements[at * size + inside] = column < length ? integers[placeOf(row, column)]! + shift : zeros[at]!
      }
    }
  return {
    rows,
    length,
    blocks,
    bits,
    size,
    elements: packBits(elements, bits, elements.length),
    scales: Tensor.float32([rows, blocks], scales),
    zeros: zeros.every((zero) => zero === middle)
      ? undefined
      : packBits(zeros, bits, blocks).reshape([rows, Math.ceil((blocks * bits) / 8)]),
  }

  function placeOf(row: number, column: number): number {
    return side === 'rows' ? row * length + column : column * rows + row
  }
}

function blockSize({ block }: IntegerQuantization, length: number): number | undefined {
  if (block)
    return block.size >= LEAST_BLOCK && block.size <= MOST_BLOCK && Number.isInteger(Math.log2(block.size)) ? block.size : undefined
  let size = DEFAULT_BLOCK
  while (size > LEAST_BLOCK && length % size !== 0) size /= 2
  return size
}

/** Elements of 4 bits in pairs; each run of `row` of them starts in a byte of its own. */
function packBits(elements: Uint8Array, bits: 4 | 8, row: number): Tensor {
  if (bits === 8) return Tensor.of('uint8', [elements.length], elements)
  const bytesOfRow = Math.ceil(row / 2)
  const bytes = new Uint8Array((elements.length / row) * bytesOfRow)
  for (let at = 0; at < elements.length; at++) {
    const [line, inside] = [Math.floor(at / row), at % row]
    bytes[line * bytesOfRow + (inside >> 1)]! |= elements[at]! << (inside % 2 === 0 ? 0 : 4)
  }
  return Tensor.of('uint8', [bytes.length], bytes)
}

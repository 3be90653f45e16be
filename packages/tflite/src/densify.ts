import { ModelError, Tensor, UnsupportedError, bitsOf } from '@whittle/ir'
import type { FlatTable } from './flat.ts'
import { DIMENSION_TYPE } from './schema/tables.ts'
import type { TensorInfo } from './tensor.ts'

const INDEX_VECTORS = [undefined, 'Int32Vector', 'Uint16Vector', 'Uint8Vector']

/** The most elements of a dense tensor for each byte of its sparse form: more are a trap, not a model. */
const MOST_GROWTH = 4096

interface Level {
  /** Of a dense level, how many; of a sparse one undefined. */
  readonly size?: number
  readonly segments?: readonly number[]
  readonly indices?: readonly number[]
}

/**
 * The dense form of a sparse constant (TensorFlow's TACO-like format: levels in traversal order, each dense or compressed, blocks of
 * inner dimensions last).
 */
export function densify(info: TensorInfo, bytes: Uint8Array, sparsity: FlatTable): Tensor {
  const { dims, type, name } = info
  const fail = (): never => {
    throw new ModelError('TFLITE_SPARSE', `tensor '${name}' of shape [${dims}]: its sparse form does not fit it; convert the model again`)
  }
  const width = bitsOf(type) / 8
  if (!(width >= 1))
    throw new UnsupportedError(
      'TFLITE_SPARSE',
      `tensor '${name}': sparse elements of ${type} are not supported; convert the model without sparsity`,
    )
  const size = dims.reduce((product, dim) => product * dim, 1)
  if (size < 0 || size > MOST_GROWTH * (bytes.length + 64)) fail()
  const order = sparsity.numbers('traversalOrder')
  const blocks = sparsity.numbers('blockMap')
  const levels = sparsity.tables('dimMetadata').map(readLevel)
  const rank = dims.length
  if (
    order.length !== levels.length ||
    order.length !== rank + blocks.length ||
    [...order].sort((a, b) => a - b).some((axis, at) => axis !== at)
  )
    fail()
  if (blocks.some((axis) => !(axis >= 0 && axis < rank))) fail()
  // A block's size along an axis scales the index of the axis around it.
  const blockSize = dims.map(() => 1)
  blocks.forEach((axis, at) => {
    const level = levels[order.indexOf(rank + at)]!
    if (!level.size) fail()
    blockSize[axis] = level.size!
  })
  const dense = new Uint8Array(size * width)
  const index = order.map(() => 0)
  let read = 0
  const place = (): void => {
    let at = 0
    for (let axis = 0; axis < rank; axis++) {
      const inner = blocks.indexOf(axis)
      const position = index[axis]! * blockSize[axis]! + (inner < 0 ? 0 : index[rank + inner]!)
      if (position >= dims[axis]!) fail()
      at = at * dims[axis]! + position
    }
    if ((read + 1) * width > bytes.length) fail()
    dense.set(bytes.subarray(read * width, (read + 1) * width), at * width)
    read++
  }
  // Segments that overlap or lead to nothing may ask for far more steps than there are elements.
  let steps = (levels.length + 1) * (size + 64)
  const visit = (depth: number, parent: number): void => {
    if (--steps < 0) fail()
    const level = levels[depth]
    if (!level) return place()
    const axis = order[depth]!
    if (level.size !== undefined) {
      for (let item = 0; item < level.size; item++) {
        index[axis] = item
        visit(depth + 1, parent * level.size + item)
      }
      return
    }
    const [from, to] = [level.segments![parent], level.segments![parent + 1]]
    if (from === undefined || to === undefined || from < 0 || to > level.indices!.length) fail()
    for (let entry = from!; entry < to!; entry++) {
      index[axis] = level.indices![entry]!
      if (index[axis]! < 0) fail()
      visit(depth + 1, entry)
    }
  }
  visit(0, 0)
  return Tensor.fromBytes(type, dims, dense)
}

function readLevel(table: FlatTable): Level {
  if (DIMENSION_TYPE[table.number('format')] === 'DENSE') return { size: Math.max(0, table.number('denseSize')) }
  const vector = (field: string): number[] => {
    const type = INDEX_VECTORS[table.number(`${field}Type`)]
    return (type && table.union(field, type)?.numbers('values')) || []
  }
  return { segments: vector('arraySegments'), indices: vector('arrayIndices') }
}

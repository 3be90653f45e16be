import type { AffineValues, PaletteValues, StoredTensor } from '../src/encode.ts'

/** A source of numbers in [0, 1) that a seed fixes. */
export function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface Case {
  readonly tensor: StoredTensor
  /** The elements, by the words of the interface alone. */
  readonly expected: Uint8Array
}

const bytesOf = (array: Float32Array | Int32Array): Uint8Array => new Uint8Array(array.buffer.slice(0))

/** Where each element stands along each axis. */
function places(dims: readonly number[]): number[][] {
  return dims.reduce<number[][]>((all, dim) => all.flatMap((place) => Array.from({ length: dim }, (_, index) => [...place, index])), [[]])
}

/** A value with a bell's shape. */
const bell = (random: () => number): number => random() + random() + random() + random() - 2

export function randomDims(random: () => number): number[] {
  return Array.from({ length: Math.floor(random() * 5) }, () => (random() < 0.03 ? 0 : 1 + Math.floor(random() * random() * 12)))
}

export function plainCase(name: string, random: () => number): Case {
  const [type, size] = [['float32', 4], ['float16', 2], ['int64', 8], ['int8', 1], ['bool', 1], ['float64', 8]][Math.floor(random() * 6)] as ['float32', 4] // prettier-ignore
  const dims = randomDims(random)
  const count = dims.reduce((product, dim) => product * dim, 1)
  const zeros = random() < 0.5 ? random() : 0
  const bytes = new Uint8Array(count * size)
  for (let i = 0; i < count; i++)
    if (random() >= zeros) for (let k = 0; k < size; k++) bytes[i * size + k] = k === size - 1 ? 60 + 4 * bell(random) : random() * 256
  return { tensor: { name, type, dims, values: { kind: 'plain', bytes } }, expected: bytes }
}

export function affineCase(name: string, random: () => number): Case {
  const dims = randomDims(random)
  const at = places(dims)
  const bits = [2, 3, 4, 5, 6, 7, 8, 16][Math.floor(random() * 8)]!
  const isSigned = random() < 0.5
  const axis = dims.length > 0 && random() < 0.7 ? Math.floor(random() * dims.length) : undefined
  const blockSize = axis !== undefined && random() < 0.5 ? 1 + Math.floor(random() * 5) : undefined
  // A second axis beside the blocks, where the tensor has no more than that on its side.
  const channelAxis = blockSize === undefined || random() < 0.5 ? undefined : axis === 1 ? 0 : axis === dims.length - 2 ? dims.length - 1 : undefined // prettier-ignore
  const shape =
    axis === undefined
      ? []
      : blockSize === undefined
        ? [dims[axis]!]
        : channelAxis === undefined
          ? dims.map((dim, index) => (index === axis ? Math.ceil(dim / blockSize) : dim))
          : dims.map((dim, index) => (index === axis ? Math.ceil(dim / blockSize) : index === channelAxis ? dim : 1))
  const groups = shape.reduce((product, dim) => product * dim, 1)
  const groupOf = (place: readonly number[]): number => {
    if (axis === undefined) return 0
    if (blockSize === undefined) return place[axis]!
    return shape.reduce((group, dim, index) => group * dim + (index === axis ? Math.floor(place[index]! / blockSize) : dim === 1 ? 0 : place[index]!), 0) // prettier-ignore
  }
  const spread = Float64Array.from({ length: groups }, () => 0.05 + random())
  const least = isSigned ? -(2 ** (bits - 1)) : 0
  const numbers = at.map((place) => {
    const value = Math.round(least + 2 ** (bits - 1) + bell(random) * spread[groupOf(place)]! * 2 ** (bits - 1))
    return Math.max(least, Math.min(least + 2 ** bits - 1, value))
  })
  const Integers = bits === 16 ? (isSigned ? Int16Array : Uint16Array) : isSigned ? Int8Array : Uint8Array
  const values: AffineValues = {
    kind: 'affine',
    integers: Integers.from(numbers),
    bits,
    scales: Float32Array.from({ length: groups }, () => random() * 0.1),
    zeroPoints: random() < 0.5 ? Int32Array.from({ length: groups }, () => Math.round(least + random() * 2 ** bits)) : undefined,
    axis,
    blockSize,
    channelAxis,
  }
  const expected = Float32Array.from(at, (place, index) => {
    const group = groupOf(place)
    return Math.fround(Math.fround(values.integers[index]! - (values.zeroPoints?.[group] ?? 0)) * values.scales[group]!)
  })
  return { tensor: { name, type: 'float32', dims, values }, expected: bytesOf(expected) }
}

export function paletteCase(name: string, random: () => number): Case {
  const dims = randomDims(random)
  const axis = dims.length > 0 && random() < 0.5 ? Math.floor(random() * dims.length) : undefined
  const groupSize = 1 + Math.floor(random() * 3)
  const groups = axis === undefined ? 1 : Math.ceil(dims[axis]! / groupSize)
  const entries = 1 + Math.floor(random() * (random() < 0.2 ? 256 : 16))
  const at = places(dims)
  const values: PaletteValues = {
    kind: 'palette',
    indices: Uint8Array.from(at, () => Math.max(0, Math.min(entries - 1, Math.round(entries * (0.5 + bell(random) / 3))))),
    palette: Float32Array.from({ length: groups * entries }, () => bell(random)),
    axis,
    groupSize,
  }
  const expected = Float32Array.from(at, (place, index) => {
    const group = axis === undefined ? 0 : Math.floor(place[axis]! / groupSize)
    return values.palette[group * entries + values.indices[index]!]!
  })
  return { tensor: { name, type: 'float32', dims, values }, expected: bytesOf(expected) }
}

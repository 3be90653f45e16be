import { ModelError, Tensor, UnsupportedError, fromFloat16Bits } from '@whittle/ir'
import { Fields, toShape } from './json.ts'

/** Where and how a weight lies in the shards of its group. */
export interface WeightSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: string
  readonly quantization?: { dtype: 'uint8' | 'uint16' | 'float16'; scale: number; min: number }
}

/** Shards that are joined in their order, and the weights that lie in them one after the other. */
export interface WeightGroup {
  readonly paths: readonly string[]
  readonly weights: readonly WeightSpec[]
}

const SIZES: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1, complex64: 8, uint8: 1, uint16: 2, float16: 2 }

/** @throws {ModelError} when the manifest is not one, {@link UnsupportedError} for types that TensorFlow.js does not have. */
export function readManifest(model: Fields): WeightGroup[] {
  const groups = model.items('weightsManifest', []).map((group) => ({
    paths: group.list('paths').map((path) => checkPath(path)),
    weights: group.items('weights').map(readSpec),
  }))
  const names = new Set<string>()
  for (const { name } of groups.flatMap((group) => group.weights)) {
    if (names.has(name))
      throw new ModelError('TFJS_WEIGHT_TWICE', `the weights manifest has weight '${name}' twice; convert the model again`)
    names.add(name)
  }
  return groups
}

function checkPath(path: unknown): string {
  if (typeof path !== 'string' || path === '')
    throw new ModelError('TFJS_MANIFEST', 'a path of the weights manifest is no text; convert the model again')
  let depth = 0
  const parts = path.split(/[\\/]/)
  for (const part of parts) {
    if (part === '..') depth--
    else if (part !== '' && part !== '.') depth++
    if (depth < 0) break
  }
  if (/^(?:[\\/]|[a-z][a-z0-9+.-]*:)/i.test(path) || path.includes('\0') || depth <= 0)
    throw new ModelError(
      'TFJS_SHARD_OUTSIDE',
      `the weights manifest names '${path}', outside the model's folder; put the shards beside the model`,
    )
  return path
}

function readSpec(spec: Fields): WeightSpec {
  const name = spec.string('name')
  const shape = toShape(spec.raw('shape'), `the shape of weight '${name}'`)
  const dtype = spec.string('dtype')
  if (dtype !== 'string' && !['float32', 'int32', 'bool', 'complex64'].includes(dtype))
    throw new UnsupportedError(
      'TFJS_DTYPE',
      `weight '${name}' has elements of '${dtype}', which TensorFlow.js does not have; convert the model again`,
    )
  if (!spec.has('quantization')) return { name, shape, dtype }
  const quantization = spec.fields('quantization')
  const stored = quantization.string('dtype')
  if (stored !== 'uint8' && stored !== 'uint16' && stored !== 'float16')
    throw new UnsupportedError('TFJS_QUANTIZATION', `weight '${name}' is stored as '${stored}'; uint8, uint16 and float16 can be read`)
  if (dtype !== 'float32' && (dtype !== 'int32' || stored === 'float16'))
    throw new UnsupportedError(
      'TFJS_QUANTIZATION',
      `weight '${name}' of ${dtype} is stored as ${stored}, which TensorFlow.js cannot read either`,
    )
  const isAffine = stored !== 'float16'
  return {
    name,
    shape,
    dtype,
    quantization: { dtype: stored, scale: isAffine ? quantization.number('scale') : 1, min: isAffine ? quantization.number('min') : 0 },
  }
}

/**
 * Reads the shards, and gives each weight by its name; those of 8 and 16 bits as float32.
 * @throws {ModelError} when a shard is missing, or when a group's shards are shorter or longer than its weights.
 */
export function readWeights(groups: readonly WeightGroup[], shard: (path: string) => Uint8Array): Weights {
  const places = new Map<string, { spec: WeightSpec; bytes: Uint8Array }>()
  for (const { paths, weights } of groups) {
    // Not Buffers, whose slice() is no copy.
    const parts = paths.map(shard).map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength))
    const given = parts.reduce((sum, part) => sum + part.byteLength, 0)
    const shards = paths.length === 1 ? `shard '${paths[0]}' has` : `shards '${paths[0]}' to '${paths.at(-1)}' have`
    const short = (needed: number): ModelError =>
      new ModelError(
        'TFJS_SHARD_SHORT',
        `${shards} ${given} bytes, and the weights take at least ${needed}; download or convert the model again`,
      )
    const known = weights.reduce((sum, spec) => sum + (byteLength(spec) ?? 4 * size(spec)), 0)
    if (!(known <= given)) throw short(known)
    const bytes = parts.length === 1 ? parts[0]! : join(parts, given)
    let offset = 0
    for (const spec of weights) {
      const length = byteLength(spec) ?? stringsLength(spec, bytes, offset)
      if (length === undefined || offset + length > given) throw short(offset + (length ?? 4))
      places.set(spec.name, { spec, bytes: bytes.subarray(offset, offset + length) })
      offset += length
    }
    if (offset !== given)
      throw new ModelError(
        'TFJS_SHARD_LONG',
        `${shards} ${given} bytes, and the weights take ${offset}: they belong to another model.json; download or convert the model again`,
      )
  }
  return new Weights(places)
}

function size(spec: WeightSpec): number {
  return spec.shape.reduce((product, dim) => product * dim, 1)
}

/** Undefined for texts, whose lengths stand among them. */
function byteLength(spec: WeightSpec): number | undefined {
  const bytes = SIZES[spec.quantization?.dtype ?? spec.dtype]
  return bytes === undefined ? undefined : bytes * size(spec)
}

function stringsLength(spec: WeightSpec, bytes: Uint8Array, start: number): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = start
  for (let index = 0; index < size(spec); index++) {
    if (at + 4 > bytes.byteLength) return undefined
    at += 4 + view.getUint32(at, true)
  }
  return at <= bytes.byteLength ? at - start : undefined
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.byteLength
  }
  return bytes
}

/** The weights of a model by name, decoded when they are asked for. */
export class Weights {
  readonly #places: ReadonlyMap<string, { spec: WeightSpec; bytes: Uint8Array }>
  readonly #tensors = new Map<string, Tensor>()

  constructor(places: ReadonlyMap<string, { spec: WeightSpec; bytes: Uint8Array }>) {
    this.#places = places
  }

  names(): IterableIterator<string> {
    return this.#places.keys() as IterableIterator<string>
  }

  has(name: string): boolean {
    return this.#places.has(name)
  }

  /** @throws {ModelError} when there is none; {@link UnsupportedError} for texts and complex numbers. */
  get(name: string): Tensor {
    let tensor = this.#tensors.get(name)
    if (!tensor) {
      const place = this.#places.get(name)
      if (!place) throw new ModelError('TFJS_WEIGHT_MISSING', `the weights manifest has no weight '${name}'; convert the model again`)
      this.#tensors.set(name, (tensor = decode(place.spec, place.bytes)))
    }
    return tensor
  }
}

function decode({ name, shape, dtype, quantization }: WeightSpec, bytes: Uint8Array): Tensor {
  if (dtype === 'string' || dtype === 'complex64')
    throw new UnsupportedError(
      'TFJS_DTYPE',
      `weight '${name}' has elements of ${dtype}, which Whittle cannot read; remove what uses it from the model`,
    )
  if (!quantization) {
    if (dtype === 'bool')
      return Tensor.of(
        'bool',
        shape,
        Uint8Array.from(bytes, (item) => (item ? 1 : 0)),
      )
    return Tensor.fromBytes(dtype === 'int32' ? 'int32' : 'float32', shape, bytes)
  }
  const { scale, min } = quantization
  const stored = quantization.dtype === 'uint8' ? bytes : new Uint16Array(bytes.slice().buffer)
  if (quantization.dtype === 'float16') return Tensor.of('float32', shape, mapped(stored, halves()))
  if (dtype === 'int32')
    return Tensor.of(
      'int32',
      shape,
      Int32Array.from(stored, (item) => Math.round(item * scale + min)),
    )
  return Tensor.of(
    'float32',
    shape,
    mapped(
      stored,
      Float32Array.from({ length: 2 ** (8 * stored.BYTES_PER_ELEMENT) }, (_, item) => item * scale + min),
    ),
  )
}

/** All numbers of 16 bits: a table is many times faster than a call for each of millions of weights. */
let table: Float32Array | undefined
function halves(): Float32Array {
  return (table ??= Float32Array.from({ length: 65536 }, (_, bits) => fromFloat16Bits(bits)))
}

function mapped(stored: Uint8Array | Uint16Array, values: Float32Array): Float32Array {
  const result = new Float32Array(stored.length)
  for (let index = 0; index < stored.length; index++) result[index] = values[stored[index]!]!
  return result
}

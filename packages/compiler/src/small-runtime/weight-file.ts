import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { type StoredTensor, type StoredValues, encodeWeights } from '@whittle/codec/encode'
import { type CodebookQuantization, type IntegerQuantization, type Model, Tensor, inferShapes } from '@whittle/ir'
import { type Weight, familyOf, writeProgram } from '@whittle/tfjs/write'
import { integersOf, levelsOf } from '../lower/storage.ts'

/** What a host encodes files with on their way. */
export type Host = 'brotli' | 'gzip' | 'none'

/** A model as a weight file with a program in it. */
export interface WeightFile {
  readonly bytes: Uint8Array
  /** Weights that are stored in fewer bits. */
  readonly stored: string[]
  /** The kernels that the program calls. */
  readonly kernels: string[]
}

/**
 * Writes a model for the small runtime: weights in the form of their annotations, decoded by the loader; all is computed in float32.
 * @param host what the host encodes files with on their way: forms are chosen by what is then downloaded.
 * @throws {UnsupportedError} where a node has no kernel.
 */
export function weightFile(model: Model, host: Host = 'brotli'): WeightFile {
  const copy = model.clone()
  inferShapes(copy)
  const { program, weights } = writeProgram(copy)
  const bytes = encodeWeights(weights.map(stored), {
    program: program as never,
    host,
    ...(host === 'none' ? {} : { measure: MEASURES[host] }),
  })
  return {
    bytes,
    stored: weights.filter(({ quantization }) => quantization).map(({ name }) => name),
    kernels: program.steps.map(([kernel]) => kernel),
  }
}

/** Forms are compared at a quality that is quick: what is best at one is best at the other. */
const MEASURES: Readonly<Record<'brotli' | 'gzip', (bytes: Uint8Array) => number>> = {
  brotli: (bytes) =>
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength } })
      .byteLength,
  gzip: (bytes) => gzipSync(bytes).byteLength,
}

/** A weight in the form of its annotation, where the file has it; else its elements. */
function stored({ name, tensor, quantization }: Weight): StoredTensor {
  const type = tensor.type as StoredTensor['type']
  const { dims } = tensor
  switch (quantization?.kind) {
    case 'float16': {
      const half = Tensor.of('float16', dims, tensor.toFloat32())
      return { name, type: 'float16', dims, values: { kind: 'plain', bytes: half.bytes() } }
    }
    case 'integer':
      return { name, type, dims, values: affine(tensor, quantization) ?? plain(tensor) }
    case 'codebook':
      return { name, type, dims, values: palette(tensor, quantization) ?? plain(tensor) }
    default:
      return { name, type, dims, values: plain(tensor) }
  }
}

function plain(tensor: Tensor): StoredValues {
  return { kind: 'plain', bytes: tensor.bytes() }
}

function affine(tensor: Tensor, quantization: IntegerQuantization): StoredValues | undefined {
  const { bits, axis, block, scale, zeroPoint } = quantization
  // Zero points of weights that are only stored may have fractions.
  if (!zeroPoint.every(Number.isInteger)) return undefined
  const integers = integersOf(tensor, quantization).data() as Int8Array
  const common = { kind: 'affine', integers, bits: bits > 8 ? 16 : bits, scales: scale, zeroPoints: Int32Array.from(zeroPoint) } as const
  if (!block) return axis === undefined ? common : { ...common, axis }
  // Blocks that all channels share have no form of their own.
  return axis === undefined ? undefined : { ...common, axis: block.axis, blockSize: block.size, channelAxis: axis }
}

function palette(tensor: Tensor, quantization: CodebookQuantization): StoredValues | undefined {
  const { axis, block, scale, levels } = quantization
  if (block) return undefined
  const entries = [...scale].flatMap((factor) => [...levels].map((level) => Math.fround(level * factor)))
  const indices = levelsOf(tensor, quantization).data() as Uint8Array
  return { kind: 'palette', indices, palette: Float32Array.from(entries), ...(axis === undefined ? {} : { axis }) }
}

/** Kernels by the functions of `@whittle/tfjs/run` that call them, in alphabetical order. */
export function kernelsOf(kernels: Iterable<string>): Record<string, string[]> {
  const result: Record<string, string[]> = {}
  for (const kernel of [...new Set(kernels)].sort()) (result[familyOf.get(kernel)!] ??= []).push(kernel)
  return Object.fromEntries(Object.entries(result).sort(([a], [b]) => (a < b ? -1 : 1)))
}

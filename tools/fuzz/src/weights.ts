import { WeightFileError, createDecoder, decodeWeights } from '@whittle/codec/decode'
import { encodeWeights, type StoredTensor } from '@whittle/codec/encode'
import type { Random } from '@whittle/ir'
import type { Outcome } from './check.ts'

/** What all tensors of a file may take here; the seeds take far less. */
const LIMIT = 2 ** 20
const FREE_BYTES = 48 * 2 ** 20
const CODES = ['WEIGHT_FILE_CUT', 'WEIGHT_FILE_CORRUPT', 'WEIGHT_FILE_NEWER', 'WEIGHT_FILE_TOO_LARGE', 'WEIGHT_FILE_BASE']

const base = { name: 'base', bytes: Uint8Array.from({ length: 2400 }, (_, index) => index * 37) }

/** Weight files with every form and layout, for each kind of host. */
export function weightSeeds(random: Random): Uint8Array[] {
  const measures = [undefined, (bytes: Uint8Array) => bytes.length, () => 0, (bytes: Uint8Array) => 9 * bytes.length]
  return measures.flatMap((measure) =>
    Array.from({ length: 10 }, () => encodeWeights(tensorsOf(random), { program: { op: ['Conv'] }, measure })),
  )
}

function tensorsOf(random: Random): StoredTensor[] {
  const bell = (scale: number): number => Math.round((random.next() + random.next() + random.next() - 1.5) * scale)
  const dims = [10, 12, 5]
  const floats = Float32Array.from({ length: 600 }, () => (random.next() < 0.4 ? 0 : bell(100) * 0.01))
  const within = (value: number): number => Math.max(-8, Math.min(7, value))
  const integers = (scale: number): Int8Array =>
    Int8Array.from({ length: 600 }, (_, index) => within(bell((scale * (1 + (index % 7))) / 4)))
  const plain = { kind: 'plain', bytes: new Uint8Array(floats.buffer) } as const
  const scales = Float32Array.from({ length: 10 }, () => random.next())
  const all: StoredTensor['values'][] = [
    plain,
    plain,
    { kind: 'affine', integers: integers(7), bits: 4, scales, axis: 0 },
    { kind: 'affine', integers: integers(7), bits: 4, scales, axis: 0, zeroPoints: Int32Array.from(scales, () => bell(4)) },
    { kind: 'affine', integers: Int16Array.from({ length: 600 }, () => bell(9000)), bits: 16, scales: Float32Array.of(0.5) },
    { kind: 'affine', integers: integers(3), bits: 4, scales: Float32Array.from({ length: 150 }, () => 1), axis: 1, blockSize: 4 },
    {
      kind: 'palette',
      indices: Uint8Array.from({ length: 600 }, () => random.integer(16)),
      palette: new Float32Array(16 * 5),
      axis: 0,
      groupSize: 2,
    },
    { kind: 'difference', base, values: { kind: 'plain', bytes: base.bytes.map((byte, index) => (index % 50 ? byte : 1)) } },
    { kind: 'difference', base, values: { kind: 'affine', integers: integers(3), bits: 4, scales: Float32Array.of(0.1) } },
  ]
  const stored = all.map((values, index): StoredTensor => ({ name: `t${index}`, type: 'float32', dims, values }))
  return stored.filter(() => random.next() < 0.7)
}

const NUMBERS = [0, 1, 2, 3, 127, 128, 255, 4096, 65535, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53, 1e300, -1, 0.5]

/** Changes a file in one to four places; mostly, length and checksum are made to fit again, so that the reader gets to what lies behind. */
export function mutateWeights(bytes: Uint8Array, random: Random, donor: Uint8Array): Uint8Array {
  let out: Uint8Array = bytes.slice()
  for (let count = 1 + random.integer(4); count > 0; count--) out = change(out, random, donor)
  return random.next() < 0.9 ? sealed(out) : out
}

function change(bytes: Uint8Array, random: Random, donor: Uint8Array): Uint8Array {
  if (bytes.length < 24) return bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const headerEnd = 16 + view.getUint32(12, true)
  const body = headerEnd < bytes.length ? headerEnd : 16
  const at = body + random.integer(bytes.length - body)
  switch (random.integer(9)) {
    case 0:
      bytes[random.integer(bytes.length)]! ^= 1 << random.integer(8)
      return bytes
    case 1:
      bytes[at] = random.integer(256)
      return bytes
    case 2:
      return bytes.slice(0, at)
    case 3:
      return joined(bytes.subarray(0, at), Uint8Array.from({ length: 1 + random.integer(8) }, () => random.integer(256)), bytes.subarray(at)) // prettier-ignore
    case 4:
      return joined(bytes.subarray(0, at), donor.subarray(random.integer(donor.length)))
    case 5:
      // A long number in place of what was there.
      bytes.set([255, 255, 255, 255, random.integer(128)].slice(0, bytes.length - at), at)
      return bytes
    case 6: {
      // Small changes at the start of a section, where forms and sizes stand.
      bytes[Math.min(bytes.length - 1, body + random.integer(24))] = random.integer(random.next() < 0.5 ? 8 : 256)
      return bytes
    }
    default:
      return changeHeader(bytes, headerEnd, random)
  }
}

/** Numbers and texts of the header: dims, types, lengths, names. */
function changeHeader(bytes: Uint8Array, headerEnd: number, random: Random): Uint8Array {
  if (headerEnd > bytes.length) return bytes
  const text = new TextDecoder().decode(bytes.subarray(16, headerEnd))
  const numbers = [...text.matchAll(/\d+/g)]
  if (numbers.length === 0) return bytes
  const { index, 0: found } = numbers[random.integer(numbers.length)]!
  const other = random.next() < 0.5 ? String(Number(found) + random.integer(3) - 1) : String(NUMBERS[random.integer(NUMBERS.length)])
  let changed = text.slice(0, index) + other + text.slice(index + found.length)
  if (random.next() < 0.2) changed = changed.replace('float32', ['float16', 'int8', 'float64', '__proto__', 'toString'][random.integer(5)]!)
  const header = new TextEncoder().encode(changed)
  const out = joined(bytes.subarray(0, 16), header, bytes.subarray(headerEnd))
  new DataView(out.buffer).setUint32(12, header.length, true)
  return out
}

function sealed(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 24) return bytes
  const out = bytes.slice()
  const view = new DataView(out.buffer)
  view.setUint32(8, out.length, true)
  view.setUint32(out.length - 4, crc32(out.subarray(0, -4)), true)
  return out
}

/** Bit by bit, so that it shares nothing with the package's own. */
function crc32(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}

/** Decodes a file as a whole and in pieces. */
export function checkWeights(bytes: Uint8Array): Outcome {
  const before = held()
  const options = { limit: LIMIT, base: new Map([['base', base]]) }
  try {
    const { tensors } = decodeWeights(bytes, options)
    const grown = held() - before
    if (grown > FREE_BYTES)
      return { kind: 'failed', why: `memory grew by ${Math.round(grown / 2 ** 20)} MiB over a file of ${bytes.length} bytes` }
    const decoder = createDecoder(options)
    const pieces = [0.3, 0.31, 0.9, 1].map((share) => Math.floor(share * bytes.length))
    const streamed = pieces.flatMap((end, index) => decoder.push(bytes.slice(pieces[index - 1] ?? 0, end)))
    decoder.end()
    const isEqual =
      streamed.length === tensors.size && streamed.every((item) => Buffer.compare(item.bytes, tensors.get(item.name)!.bytes) === 0)
    return isEqual ? { kind: 'model' } : { kind: 'failed', why: 'in pieces, the file holds something else' }
  } catch (error) {
    if (!(error instanceof WeightFileError && CODES.includes(error.code)))
      return { kind: 'failed', why: error instanceof Error ? (error.stack ?? error.message).slice(0, 400) : String(error) }
    if (/[\0-\x1f\x7f]/.test(error.message)) return { kind: 'failed', why: `is not one line: ${error.message}` }
    return { kind: 'refused' }
  }
}

function held(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}

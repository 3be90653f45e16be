import { crc32 } from './crc.ts'
import { Cursor } from './cursor.ts'
import { WeightFileError, corrupt, shown } from './error.ts'
import { CHECKSUM, MAGIC, PRELUDE, SIZES, VERSION, type ElementName, type JsonValue } from './format.ts'
import type { Tables } from './read-stream.ts'
import { type DecodedTensor, readTensor } from './read-tensor.ts'

export { WeightFileError, type WeightFileCode } from './error.ts'
export type { ElementName, JsonValue } from './format.ts'
export type { DecodedTensor } from './read-tensor.ts'

export interface DecodeOptions {
  /** Gives the memory for a tensor's bytes; `byteLength` long. By default, each tensor has its own. */
  allocate?: (name: string, byteLength: number) => Uint8Array
  /** The tensors of the sibling file that this one holds differences to. */
  base?: ReadonlyMap<string, { readonly bytes: Uint8Array }>
  /** The most bytes that all tensors together may take. @default 2 ** 30 */
  limit?: number
}

/** What a weight file holds. */
export interface DecodedWeights {
  readonly program: JsonValue
  /** By name, in the file's order. */
  readonly tensors: Map<string, DecodedTensor>
}

/** Decodes a weight file while it arrives. */
export interface Decoder {
  /** What was given to the writer as `program`; undefined until the header has arrived. */
  readonly program: JsonValue | undefined
  /** Takes the next bytes of the file, which must not change later. @returns the tensors that they complete. */
  push(chunk: Uint8Array): DecodedTensor[]
  /** Says that no byte follows. @throws WeightFileError when the file is not whole, or its checksum is another. */
  end(): void
}

/**
 * Decodes a whole weight file.
 * @throws WeightFileError with the codes WEIGHT_FILE_CUT, WEIGHT_FILE_CORRUPT, WEIGHT_FILE_NEWER, WEIGHT_FILE_TOO_LARGE (over `limit`) or
 * WEIGHT_FILE_BASE (a tensor of `base` is missing).
 */
export function decodeWeights(bytes: Uint8Array, options?: DecodeOptions): DecodedWeights {
  const decoder = createDecoder(options)
  const tensors = new Map(decoder.push(bytes).map((tensor) => [tensor.name, tensor]))
  decoder.end()
  return { program: decoder.program!, tensors }
}

interface Entry {
  name: string
  type: ElementName
  dims: number[]
  /** Elements. */
  count: number
  /** Bytes of the section. */
  length: number
}

/**
 * A decoder for a file that arrives in pieces. Tensors that came out before `end()` are not yet checked by the checksum: use them once `end()` has
 * returned. Errors are those of `decodeWeights`; after one, the decoder is of no use.
 */
export function createDecoder(options: DecodeOptions = {}): Decoder {
  const tables: Tables = []
  const earlier: DecodedTensor[] = []
  let program: JsonValue | undefined
  let entries: Entry[] | undefined
  let held: Uint8Array[] = []
  let heldBytes = 0
  // Bytes that the next step takes, and of the whole file that have been taken.
  let need = PRELUDE
  let taken = 0
  let total = Infinity
  let crc = 0

  /** The next `need` bytes as one. */
  function next(): Uint8Array {
    const all = held.length === 1 ? held[0]! : joined(held, heldBytes)
    held = [all.subarray(need)]
    heldBytes -= need
    taken += need
    return all.subarray(0, need)
  }

  function start(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    const word = (index: number): number => view.getUint32(index * 4, true)
    if (word(0) !== MAGIC) throw corrupt('this is none')
    if (word(1) > VERSION)
      throw new WeightFileError('WEIGHT_FILE_NEWER', `its version is ${word(1)}, this loader reads ${VERSION}; update @whittle/runtime`)
    total = word(2)
    need = word(3)
    if (word(1) < 1 || need > total - PRELUDE - CHECKSUM) throw corrupt('its sizes do not fit')
  }

  function header(bytes: Uint8Array): void {
    let content: [JsonValue, [string, ElementName, number[], number][]]
    try {
      content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as typeof content
      entries = content[1].map(([name, type, dims, length]) => {
        const count = dims.reduce((product, dim) => (Number.isInteger(dim) && dim >= 0 ? product * dim : NaN), 1)
        if (!(typeof name === 'string' && Object.hasOwn(SIZES, type) && count >= 0 && Number.isInteger(length) && length > 0)) throw 0
        return { name, type, dims, count, length }
      })
    } catch {
      throw corrupt('its header cannot be read')
    }
    program = content[0]
    let size = 0
    let sections = CHECKSUM
    for (const { type, count, length } of entries) {
      size += count * SIZES[type]
      sections += length
    }
    const limit = options.limit ?? 2 ** 30
    if (!(size <= limit)) throw new WeightFileError('WEIGHT_FILE_TOO_LARGE', `${size} bytes of tensors, the limit is ${limit}`)
    if (sections !== total - taken || new Set(entries.map(({ name }) => name)).size < entries.length)
      throw corrupt('its header does not fit')
  }

  function section({ name, type, dims, count, length }: Entry, bytes: Uint8Array): DecodedTensor {
    const size = count * SIZES[type]
    const cursor = new Cursor(bytes)
    const own = options.allocate?.(name, size)
    const isFitting = own?.length === size && own.byteOffset % SIZES[type] === 0
    const out = isFitting ? own : new Uint8Array(size)
    try {
      readTensor(cursor, type, count, out, { tables, earlier, base: (key) => options.base?.get(key)?.bytes })
      if (cursor.at !== length) throw corrupt('a section is too long')
    } catch (error) {
      if (error instanceof WeightFileError) error.message += ` (tensor ${shown(name)})`
      throw error
    }
    if (own && !isFitting) own.set(out)
    return { name, type, dims, bytes: own ?? out }
  }

  return {
    get program() {
      return program
    },
    push(chunk) {
      const before = earlier.length
      held.push(chunk)
      heldBytes += chunk.length
      while (heldBytes >= need && taken < total) {
        const bytes = next()
        const isLast = taken === total
        if (isLast) {
          if (new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true) !== crc) throw corrupt('its checksum is another')
          break
        }
        crc = crc32(bytes, crc)
        if (total === Infinity) start(bytes)
        else {
          if (!entries) header(bytes)
          else earlier.push(section(entries[earlier.length]!, bytes))
          need = entries![earlier.length]?.length ?? CHECKSUM
        }
      }
      if (taken === total && heldBytes > 0) throw corrupt('bytes follow its end')
      return earlier.slice(before)
    },
    end() {
      if (taken < total) throw new WeightFileError('WEIGHT_FILE_CUT', `it ends too early; fetch it again`)
    },
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

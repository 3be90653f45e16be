import { closeSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { ModelError, OptionError, messageOf } from '../errors.ts'
import type { Model } from '../model.ts'
import type { Tensor } from '../tensor.ts'
import { MAX_BYTES } from './decode.ts'
import { type Encoded, type Piece, lengthOf } from './encode.ts'
import { isInside } from './external.ts'
import { isSystemError } from './file.ts'
import { encodeModel } from './write.ts'

export interface WriteOptions {
  /**
   * Where weights go. `'auto'`, the default: into the model's file, or, where that would exceed 2 GiB, into one file beside it. An object:
   * always into a file beside it, at `location` (by default the model's name and `.data`), from `threshold` bytes on (by default 1024).
   */
  externalData?: 'auto' | { location?: string; threshold?: number }
}

/** Tensors of at least a MiB start where any system can map a file into memory, smaller ones where any typed array can begin. */
const LARGE = 2 ** 20
const LARGE_ALIGNMENT = 2 ** 16
const ALIGNMENT = 64

const BLOCK = 2 ** 20

/**
 * Writes a model's file, and its external data. Only for Node. The content is that of {@link writeOnnx}, in the same bytes; weights go
 * from where they are to the disk, one at a time. Files appear whole or not at all, under their names only when all is written.
 * @returns the absolute paths of the files.
 * @throws {OptionError} when a file cannot be written or `location` leaves the folder; {@link ModelError} when a weight cannot be read.
 */
export function writeOnnxFile(path: string, model: Model, options: WriteOptions = {}): { files: string[] } {
  const { externalData = 'auto' } = options
  const target = resolve(path)
  if (externalData === 'auto') {
    const whole = encodeModel(model)
    if (whole.length <= MAX_BYTES) return writeFiles([[target, placed(whole)]])
  }
  const { location = `${basename(path)}.data`, threshold = 1024 } = externalData === 'auto' ? {} : externalData
  const dataPath = join(dirname(target), location)
  if (!isInside(location) || dataPath === target)
    throw new OptionError('EXTERNAL_OUTSIDE', `externalData.location '${location}' must name another file in the model's folder`)
  const data = new DataFile(location)
  const small = encodeModel(model, data.store, threshold)
  if (small.length > MAX_BYTES)
    throw new ModelError(
      'MODEL_TOO_LARGE',
      `${path}: ${small.length} bytes are left beside the external data, and one ONNX file holds at most ${MAX_BYTES}; lower the threshold`,
    )
  return writeFiles(data.placed.length > 0 ? [[dataPath, data.placed], [target, placed(small)]] : [[target, placed(small)]]) // prettier-ignore
}

type Placed = { readonly piece: Piece; readonly offset: number }[]

function placed({ pieces }: Encoded): Placed {
  let end = 0
  return pieces.map((piece) => ({ piece, offset: (end += lengthOf(piece)) - lengthOf(piece) }))
}

/** The external data file: which tensor lies where. A tensor that has several names is stored once. */
class DataFile {
  readonly placed: Placed = []
  readonly #location: string
  readonly #offsets = new Map<Tensor, number>()
  #end = 0

  constructor(location: string) {
    this.#location = location
  }

  readonly store = (tensor: Tensor, length: number): { location: string; offset: number } => {
    let offset = this.#offsets.get(tensor)
    if (offset === undefined) {
      const alignment = length >= LARGE ? LARGE_ALIGNMENT : ALIGNMENT
      offset = Math.ceil(this.#end / alignment) * alignment
      this.#offsets.set(tensor, offset)
      this.placed.push({ piece: tensor, offset })
      this.#end = offset + length
    }
    return { location: this.#location, offset }
  }
}

function writeFiles(files: readonly (readonly [path: string, content: Placed])[]): { files: string[] } {
  const made: { temporary: string; path: string }[] = []
  try {
    for (const [path, content] of files) {
      const temporary = `${path}.${process.pid}.tmp`
      made.push({ temporary, path })
      writePieces(temporary, content)
    }
    for (const { temporary, path } of made) renameSync(temporary, path)
  } catch (error) {
    for (const { temporary } of made) rmSync(temporary, { force: true })
    if (!isSystemError(error)) throw error
    throw new OptionError('FILE_UNWRITABLE', `${made.at(-1)!.path}: the file cannot be written (${messageOf(error)})`, { cause: error })
  }
  return { files: made.map(({ path }) => path).reverse() }
}

function writePieces(path: string, content: Placed): void {
  const handle = openSync(path, 'w')
  try {
    let end = 0
    for (const { piece, offset } of content) {
      writeBytes(handle, piece instanceof Uint8Array ? piece : piece.peek(), offset)
      end = offset + lengthOf(piece)
    }
    ftruncateSync(handle, end)
  } finally {
    closeSync(handle)
  }
}

/** Whole blocks of zeros, as pruning leaves them, become holes, which take no room on the disk. */
function writeBytes(handle: number, bytes: Uint8Array, offset: number): void {
  for (let start = 0; start < bytes.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, bytes.length)
    if (isZero(bytes.subarray(start, end))) continue
    for (let done = start; done < end;) done += writeSync(handle, bytes, done, end - done, offset + done)
  }
}

const zeros = new Uint8Array(BLOCK)

function isZero(bytes: Uint8Array): boolean {
  return bytes.length === BLOCK && bytes[0] === 0 && Buffer.compare(bytes, zeros) === 0
}

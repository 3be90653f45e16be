import { ModelError } from '../errors.ts'

/** A file of weights beside the model. */
export interface ExternalFile {
  readonly size: number
  read(offset: number, length: number): Uint8Array
}

/** Gives the file at a relative location, or says in a sentence's end why it cannot. */
export type OpenExternal = (location: string) => ExternalFile

/** Finds external data, and checks all that can be checked before it is read. */
export class ExternalData {
  readonly #file: string
  readonly #open: OpenExternal | undefined
  readonly #files = new Map<string, ExternalFile>()

  constructor(file: string, open: OpenExternal | undefined) {
    this.#file = file
    this.#open = open
  }

  /** @returns a function that reads the tensor's bytes. @throws {ModelError} when place or size are wrong. */
  locate(entries: ReadonlyMap<string, string>, expected: number, what: string): () => Uint8Array {
    const fail = (code: string, message: string): ModelError => new ModelError(code, `${this.#file}: ${what} ${message}`)
    const location = entries.get('location')
    if (!location) throw fail('EXTERNAL_LOCATION', 'is stored in an external file that it does not name; export the model again')
    if (!isInside(location))
      throw fail(
        'EXTERNAL_OUTSIDE',
        `points to '${location}', outside the model's folder; put the data beside the model and export it again`,
      )
    if (!this.#open)
      throw fail('EXTERNAL_NOT_GIVEN', `lies in the file '${location}', and only the model's bytes were given; read it with readOnnxFile`)
    const offset = numberOf(entries.get('offset'), 0)
    const length = numberOf(entries.get('length'), expected)
    if (offset === undefined || length === undefined)
      throw fail('EXTERNAL_RANGE', `has an offset or a length that is no whole number of bytes; export the model again`)
    if (length !== expected)
      throw fail(
        'TENSOR_SIZE',
        `takes ${expected} bytes by its dims, and its external data are declared with ${length}; export the model again`,
      )
    let file = this.#files.get(location)
    if (!file) this.#files.set(location, (file = this.#open(location)))
    if (offset + length > file.size)
      throw fail(
        'EXTERNAL_SHORT',
        `needs bytes ${offset} to ${offset + length} of '${location}', which has only ${file.size}; download or export the data again`,
      )
    const source = file
    return () => source.read(offset, length)
  }
}

/** Whether a location stays in the folder by its text alone; symbolic links are for whoever opens it. */
export function isInside(location: string): boolean {
  if (/^(?:[\\/]|[a-z]:)/i.test(location) || location.includes('\0')) return false
  let depth = 0
  for (const part of location.split(/[\\/]/)) {
    if (part === '..') depth--
    else if (part !== '' && part !== '.') depth++
    if (depth < 0) return false
  }
  return depth > 0
}

function numberOf(text: string | undefined, fallback: number): number | undefined {
  if (text === undefined || text === '') return fallback
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  return Number.isSafeInteger(value) ? value : undefined
}

import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Model, ModelError, UnsupportedError, messageOf } from '@whittle/ir'
import { readTflite } from './read.ts'

/** What Node reads at once. */
const MOST_BYTES = 2 ** 31 - 1

/**
 * Reads a TensorFlow Lite model's file. Only for Node.
 * @returns the model, and the absolute path of its file.
 * @throws {ModelError} as `readTflite`, and when the file cannot be read.
 */
export function readTfliteFile(path: string): { model: Model; files: string[] } {
  return { model: readTflite(readBytes(path), { file: path }), files: [resolve(path)] }
}

function readBytes(path: string): Uint8Array {
  let size: number | undefined
  try {
    ;({ size } = statSync(path))
    if (size <= MOST_BYTES) return readFileSync(path)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT')
      throw new ModelError('MODEL_MISSING', `${path}: there is no such file; check the path`, { cause: error })
    throw new ModelError('MODEL_UNREADABLE', `${path}: the file cannot be read (${messageOf(error)})`, { cause: error })
  }
  throw new UnsupportedError('TFLITE_SIZE', `${path}: the file has ${size} bytes, and Whittle reads at most 2 GB`)
}

import { readFileSync, statSync } from 'node:fs'
import { type Model, ModelError } from '@whittle/ir'
import { readOnnxFile, writeOnnx } from '@whittle/ir/onnx'
import { shown } from './dataset.ts'

/** The model that an import names, as read and as it stands on disk. */
export interface Source {
  readonly model: Model
  /** A self-contained file for engines: the file itself, unless it has external data. */
  readonly bytes: Uint8Array
  /** All that a user would download of the original. */
  readonly content: Uint8Array
  readonly size: number
  /** Absolute paths: the model, and its external data. */
  readonly files: string[]
}

/** @throws {ModelError} naming the file and what to do. */
export function readSource(file: string, root: string): Source {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new ModelError('MODEL_MISSING', `there is no file ${shown(file, root)}: it was moved or deleted, or the import's path is wrong`)
  const { model, files } = readOnnxFile(file)
  const parts = files.map((name) => readFileSync(name))
  const content = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  return { model, files, content, size: content.byteLength, bytes: files.length === 1 ? content : writeOnnx(model) }
}

import { readFileSync, statSync } from 'node:fs'
import { type Model, ModelError } from '@whittle/ir'
import { readOnnxFile, writeOnnx } from '@whittle/ir/onnx'
import { readTfjsFile } from '@whittle/tfjs'
import { readTfliteFile } from '@whittle/tflite'
import { shown } from './dataset.ts'

/** The model that an import names, as read and as it stands on disk. */
export interface Source {
  readonly model: Model
  /** A self-contained ONNX file for engines: the file itself, unless it has external data or is of another format. */
  readonly bytes: Uint8Array
  /** All that a user would download of the original. */
  readonly content: Uint8Array
  readonly size: number
  /** Absolute paths: the model, and its external data or weights. */
  readonly files: string[]
}

/** @throws {ModelError} naming the file and what to do. */
export function readSource(file: string, root: string): Source {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new ModelError('MODEL_MISSING', `there is no file ${shown(file, root)}: it was moved or deleted, or the import's path is wrong`)
  const isOnnx = formatOf(file) === 'onnx'
  const { model, files } = readModelFile(file)
  const parts = files.map((name) => readFileSync(name))
  const content = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  return { model, files, content, size: content.byteLength, bytes: isOnnx && files.length === 1 ? content : writeOnnx(model) }
}

/** The format of a model's file, by its ending: TensorFlow Lite, TensorFlow.js, or else ONNX. */
export function formatOf(file: string): 'onnx' | 'tflite' | 'tfjs' {
  return /\.tflite$/i.test(file) ? 'tflite' : /\.json$/i.test(file) ? 'tfjs' : 'onnx'
}

/** Reads a model of any format: itself, and the absolute paths of all files that it consists of. */
export function readModelFile(file: string): { model: Model; files: string[] } {
  return { onnx: readOnnxFile, tflite: readTfliteFile, tfjs: readTfjsFile }[formatOf(file)](file)
}

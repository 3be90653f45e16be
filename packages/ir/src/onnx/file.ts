import { type Stats, closeSync, fstatSync, openSync, readFileSync, readSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, relative, isAbsolute, resolve, sep } from 'node:path'
import { ModelError, messageOf } from '../errors.ts'
import type { Model } from '../model.ts'
import { checkFileSize } from './decode.ts'
import type { ExternalFile } from './external.ts'
import { readModel } from './read.ts'

/**
 * Reads a model's file, and its external data when they are asked for. Only for Node.
 * @returns the model, and the absolute paths of its file and of its external data files.
 * @throws {ModelError} as `readOnnx`, and when a file cannot be read or lies, links followed, outside the model's folder.
 */
export function readOnnxFile(path: string): { model: Model; files: string[] } {
  const files = [resolve(path)]
  const open = (location: string): ExternalFile => {
    const file = openExternal(path, location)
    files.push(file.path)
    return file
  }
  return { model: readModel(readBytes(path), path, open, true), files }
}

function readBytes(path: string): Uint8Array {
  try {
    checkFileSize(statSync(path).size, path)
    return readFileSync(path)
  } catch (error) {
    if (!isSystemError(error)) throw error
    if (error.code === 'ENOENT') throw new ModelError('MODEL_MISSING', `${path}: there is no such file; check the path`, { cause: error })
    throw new ModelError('MODEL_UNREADABLE', `${path}: the file cannot be read (${messageOf(error)})`, { cause: error })
  }
}

function openExternal(model: string, location: string): ExternalFile & { path: string } {
  const folder = dirname(resolve(model))
  const path = join(folder, location.replaceAll('\\', '/'))
  let real: string
  try {
    real = realpathSync(path)
  } catch (error) {
    throw new ModelError(
      'EXTERNAL_MISSING',
      `${model}: its weights are in '${location}', and ${path} cannot be opened; put the file beside the model`,
      {
        cause: error,
      },
    )
  }
  const inside = relative(realpathSync(folder), real)
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
    throw new ModelError(
      'EXTERNAL_OUTSIDE',
      `${model}: '${location}' links to ${real}, outside the model's folder; copy the data beside the model`,
    )
  const stat = statSync(real)
  if (!stat.isFile()) throw new ModelError('EXTERNAL_MISSING', `${model}: its weights are in '${location}', and ${path} is no file`)
  return { path, size: stat.size, read: (offset, length) => readRange(real, stat, offset, length, model) }
}

/** Opened for each read: a model may have thousands of files, and nobody closes a model. */
function readRange(path: string, before: Stats, offset: number, length: number, model: string): Uint8Array {
  let handle: number | undefined
  try {
    handle = openSync(path, 'r')
    const now = fstatSync(handle)
    if (now.ino !== before.ino || now.dev !== before.dev || now.size !== before.size || now.mtimeMs !== before.mtimeMs)
      throw new ModelError('EXTERNAL_CHANGED', `${model}: ${path} changed after the model was read; read the model again`)
    const bytes = new Uint8Array(length)
    for (let done = 0; done < length;) {
      // A single read is limited to 2 GiB.
      const count = readSync(handle, bytes, done, Math.min(length - done, 2 ** 30), offset + done)
      if (count === 0) throw new ModelError('EXTERNAL_CHANGED', `${model}: ${path} became shorter while it was read; read the model again`)
      done += count
    }
    return bytes
  } catch (error) {
    if (error instanceof ModelError) throw error
    throw new ModelError('EXTERNAL_UNREADABLE', `${model}: ${path} cannot be read (${messageOf(error)})`, { cause: error })
  } finally {
    if (handle !== undefined) closeSync(handle)
  }
}

/** @internal */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error
}

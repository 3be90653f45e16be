import { readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { type Model, ModelError, messageOf } from '@whittle/ir'
import type { TfjsOptions } from './options.ts'
import { readTfjs } from './read.ts'

/**
 * Reads a `model.json` and the files of weights beside it. Only for Node.
 * @returns the model, and the absolute paths of its file and of its weights.
 * @throws {ModelError} as `readTfjs`, and when a file cannot be read or lies, links followed, outside the model's folder.
 */
export function readTfjsFile(path: string, options: TfjsOptions = {}): { model: Model; files: string[] } {
  const files = [resolve(path)]
  const shard = (location: string): Uint8Array => {
    const file = inside(path, location)
    if (!files.includes(file)) files.push(file)
    return read(file, 'TFJS_SHARD_MISSING', `${path}: its weights are in '${location}', and ${file} is not there; put it beside the model`)
  }
  const json = read(path, 'MODEL_MISSING', `${path}: there is no such file; check the path`)
  return { model: readTfjs(json, shard, { name: path, ...options }), files }
}

function inside(model: string, location: string): string {
  const folder = dirname(resolve(model))
  const path = join(folder, location.replaceAll('\\', '/'))
  let way: string
  try {
    way = relative(realpathSync(folder), realpathSync(path))
  } catch {
    // That it is missing is said when it is read.
    return path
  }
  if (way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way))
    throw new ModelError(
      'TFJS_SHARD_OUTSIDE',
      `${model}: '${location}' links outside the model's folder; copy the weights beside the model`,
    )
  return path
}

function read(path: string, code: string, missing: string): Uint8Array {
  try {
    if (!statSync(path).isFile()) throw new ModelError(code, missing)
    return readFileSync(path)
  } catch (error) {
    if (error instanceof ModelError) throw error
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new ModelError(code, missing, { cause: error })
    throw new ModelError('MODEL_UNREADABLE', `${path}: the file cannot be read (${messageOf(error)})`, { cause: error })
  }
}

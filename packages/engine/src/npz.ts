import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Dataset, DatasetError, type Sample, messageOf } from '@whittle/ir'
import { unzipSync } from 'fflate'
import { readNpy } from './npy.ts'
import { setOrigin } from './origin.ts'

/** Bytes that one array may take when it is unpacked: a small file must not fill the memory. */
const MOST_BYTES = 2 ** 30

/** The array that becomes a sample's label. */
const LABEL = 'label'

/**
 * A folder of `.npz` files, one a sample, in the order of their names; arrays are named as the model's inputs and hold a batch axis
 * of 1. An array named `label` becomes the label. The key is a hash of all names and contents.
 * @throws {DatasetError} when the folder cannot be read or holds no `.npz` file.
 */
export async function npzFolder(folder: string): Promise<Dataset> {
  const files = await npzFiles(folder)
  const hash = createHash('sha256')
  for (const file of files) {
    hash.update(`${file}\0`)
    hash.update(
      createHash('sha256')
        .update(await readFile(join(folder, file)))
        .digest(),
    )
  }
  return {
    key: `npz:${hash.digest('hex')}`,
    length: files.length,
    async *samples() {
      for (const file of files) yield await readSample(join(folder, file))
    },
  }
}

/** Names of the `.npz` files in a folder, in order. @throws {DatasetError} when there are none. */
export async function npzFiles(folder: string): Promise<string[]> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    throw new DatasetError('DATASET_MISSING', `${folder}: the data folder cannot be read: ${messageOf(error)}`, { cause: error })
  }
  const files = names.filter((name) => name.endsWith('.npz')).sort()
  if (files.length === 0)
    throw new DatasetError('DATASET_EMPTY', `${folder}: no .npz files; put one in for each sample, with arrays named as the model's inputs`)
  return files
}

async function readSample(path: string): Promise<Sample> {
  let arrays: Record<string, Uint8Array>
  try {
    arrays = unzipSync(new Uint8Array(await readFile(path)), {
      filter(entry) {
        if (entry.originalSize > MOST_BYTES)
          throw new Error(`'${entry.name}' is ${entry.originalSize} bytes when unpacked, more than 1 GiB`)
        return entry.name.endsWith('.npy')
      },
    })
  } catch (error) {
    throw new DatasetError('NPZ_ARCHIVE', `${path}: cannot be read as .npz: ${messageOf(error)}`, { cause: error })
  }
  const sample: Sample = { inputs: {} }
  for (const [entry, bytes] of Object.entries(arrays)) {
    const name = entry.replace(/\.npy$/, '')
    const tensor = readNpy(bytes, `${path}, array '${name}'`)
    if (name === LABEL) sample.label = tensor
    else sample.inputs[name] = tensor
  }
  return setOrigin(sample, path)
}

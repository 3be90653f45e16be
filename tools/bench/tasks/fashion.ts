import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { type Dataset, Tensor, defineDataset } from '@whittle/ir'
import { cache } from '../peers.ts'
import { runProgram } from '../run-once.ts'
import { best } from './direction.ts'
import type { Task } from './task.ts'

/** Where Debian's package dataset-fashion-mnist puts its files, and where they are unpacked without it. */
const INSTALLED = '/usr/share/datasets/fashion-mnist'
const FOLDER = join(cache, 'fashion')
const UNPACKED = join(FOLDER, INSTALLED)

/** Convolutions and batch norms, trained by models/train-fashion.py on Fashion-MNIST's training pictures; judged on its test pictures. */
export const fashion: Task = {
  name: 'fashion',
  file: fileURLToPath(new URL('../models/fashion.onnx', import.meta.url)),
  accuracy: 'top-1 accuracy',
  samples: 10000,
  calibration: pictures('train', 128),
  evaluation: (count) => pictures('t10k', count),
  prepare,
  score: (outputs, { label }) => ({ correct: best(outputs) === label ? 1 : 0 }),
}

async function prepare(log: (line: string) => void): Promise<void> {
  if (existsSync(INSTALLED) || existsSync(UNPACKED)) return
  log('fashion: downloading the Debian package dataset-fashion-mnist')
  mkdirSync(FOLDER, { recursive: true })
  try {
    await runProgram('apt-get', ['download', 'dataset-fashion-mnist'], { cwd: FOLDER })
    const file = readdirSync(FOLDER).find((name) => name.endsWith('.deb'))!
    await runProgram('dpkg-deb', ['-x', join(FOLDER, file), FOLDER])
  } catch (cause) {
    throw new Error('Fashion-MNIST is not there, and cannot be downloaded: apt-get install dataset-fashion-mnist', { cause })
  }
}

function pictures(part: 'train' | 't10k', count: number): Dataset {
  return defineDataset({
    key: `fashion/${part}/${count}`,
    length: count,
    async *samples() {
      // Behind the headers of the IDX format.
      const images = read(`${part}-images-idx3-ubyte.gz`).subarray(16)
      const labels = read(`${part}-labels-idx1-ubyte.gz`).subarray(8)
      for (let index = 0; index < count; index++) {
        const pixels = Float32Array.from(images.subarray(index * 784, (index + 1) * 784), (value) => value / 255)
        yield { inputs: { image: Tensor.float32([1, 1, 28, 28], pixels) }, label: labels[index]! }
      }
    },
  })
}

function read(name: string): Buffer {
  return gunzipSync(readFileSync(join(existsSync(INSTALLED) ? INSTALLED : UNPACKED, name)))
}

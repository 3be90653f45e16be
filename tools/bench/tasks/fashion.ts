import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { type Dataset, Tensor, defineDataset } from '@whittle/ir'
import { debianFile, fetchDebian } from './debian.ts'
import { best } from './direction.ts'
import type { Task } from './task.ts'

/** Of Debian's package dataset-fashion-mnist. */
const FOLDER = '/usr/share/datasets/fashion-mnist'

/** Convolutions and batch norms, trained by models/train-fashion.py on Fashion-MNIST's training pictures; judged on its test pictures. */
export const fashion: Task = {
  name: 'fashion',
  file: fileURLToPath(new URL('../models/fashion.onnx', import.meta.url)),
  accuracy: 'top-1 accuracy',
  samples: 10000,
  calibration: pictures('train', 128),
  evaluation: (count) => pictures('t10k', count),
  prepare: (log) => fetchDebian('dataset-fashion-mnist', `${FOLDER}/t10k-images-idx3-ubyte.gz`, log),
  score: (outputs, { label }) => ({ correct: best(outputs) === label ? 1 : 0 }),
}

/** The first so many of Fashion-MNIST's training or test pictures, `image[1,1,28,28]` from 0 to 1, with their class. */
export function pictures(part: 'train' | 't10k', count: number): Dataset {
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
  return gunzipSync(readFileSync(debianFile(`${FOLDER}/${name}`)))
}

import { type Dataset, Tensor, type Tensors, defineDataset } from '@whittle/ir'
import { fixture } from '@whittle/testing/fixture'
import type { Picture } from 'example-text-direction/picture'
import { drawPage } from './page.ts'
import { DEFAULT_FORMS, type Task } from './task.ts'
import { FACES, type Half, WORDS } from './words.ts'

const SIDE = 640

/** What PaddleOCR calls text: more of it than this. */
const THRESHOLD = 0.3

/** PP-OCRv4's detector on drawn pages: how much of the text mask is the original's (intersection over union). */
export const detector: Task = {
  name: 'detector',
  file: fixture('detector'),
  calibration: pages('calibration', 16),
  evaluation: (count) => pages('evaluation', count),
  score: (outputs, _, original) => ({ correct: overlap(maskOf(outputs), maskOf(original)) }),
  accuracy: 'mask IoU with fp32',
  samples: 60,
  forms: ['int8&calibrate=task&sqnr=25', ...DEFAULT_FORMS],
}

function pages(half: Half, count: number): Dataset {
  const options = { words: WORDS[half], faces: FACES[half], side: SIDE }
  return defineDataset({
    key: `pages/${half}/${count}`,
    length: count,
    async *samples() {
      for (let index = 0; index < count; index++) yield { inputs: { x: inputOf(drawPage(`pages/${half}/${index}`, options)) } }
    },
  })
}

/** PaddleOCR's: blue, green and red planes, normalized by ImageNet's constants in that order. */
function inputOf({ width, height, data }: Picture): Tensor {
  const [mean, deviation] = [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ]
  const plane = width * height
  const input = new Float32Array(3 * plane)
  for (let channel = 0; channel < 3; channel++)
    for (let at = 0; at < plane; at++)
      input[channel * plane + at] = (data[4 * at + 2 - channel]! / 255 - mean[channel]!) / deviation[channel]!
  return Tensor.float32([1, 3, height, width], input)
}

function maskOf(outputs: Tensors): boolean[] {
  return Array.from(Object.values(outputs)[0]!.toFloat32(), (value) => value > THRESHOLD)
}

function overlap(a: readonly boolean[], b: readonly boolean[]): number {
  let [both, either] = [0, 0]
  for (const [index, inside] of a.entries()) {
    if (inside && b[index]) both++
    if (inside || b[index]) either++
  }
  return either === 0 ? 1 : both / either
}

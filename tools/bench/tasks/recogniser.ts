import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Dataset, Tensor, type Tensors, defineDataset } from '@whittle/ir'
import { fixture } from '@whittle/testing/fixture'
import { type Line, type LinesOptions, drawLines } from 'example-text-direction/draw'
import { LINE_HEIGHT, toInput, turn } from 'example-text-direction/picture'
import { distance } from 'fastest-levenshtein'
import type { Task } from './task.ts'
import { FACES, type Half, WORDS } from './words.ts'

/** PP-OCRv4's recogniser on drawn English words: exact match, and the edit distance per character. */
export const recogniser: Task = {
  name: 'recogniser',
  file: fixture('recogniser'),
  calibration: words('calibration', 128),
  evaluation: (count) => words('evaluation', count),
  score(outputs, { label }) {
    const text = decode(outputs)
    return { correct: text === label ? 1 : 0, errors: distance(text, label as string), length: (label as string).length }
  },
  accuracy: 'exact match',
  samples: 5000,
}

function words(half: Half, count: number): Dataset {
  return drawn({ seed: `words/${half}`, words: WORDS[half], faces: FACES[half], count })
}

/** One word a line. */
export function drawn({ seed, count, ...rest }: Pick<LinesOptions, 'seed' | 'words' | 'faces' | 'count'>): Dataset {
  return defineDataset({
    key: `${seed}/${count}`,
    length: count,
    async *samples() {
      for (const line of drawLines({ seed, count, ...rest, noise: 1, length: 1 })) yield { inputs: { x: inputOf(line) }, label: line.text }
    },
  })
}

/** 48 rows, as many columns as the line needs, in steps of 32. Lines are read upright. */
function inputOf({ picture, turned }: Line): Tensor {
  const upright = turned ? turn(picture) : picture
  const width = Math.ceil((picture.width * LINE_HEIGHT) / picture.height / 32) * 32
  return Tensor.float32([1, 3, LINE_HEIGHT, width], toInput(upright, width))
}

let characters: string[] | undefined

/** CTC, greedily: the best class of each column, runs of one class once, blanks (class 0) dropped. */
function decode(outputs: Tensors): string {
  characters ??= [
    '',
    ...readFileSync(join(dirname(fixture('recogniser')), 'ppocr_keys_v1.txt'), 'utf8')
      .split('\n')
      .slice(0, 6623),
    ' ',
  ]
  const tensor = Object.values(outputs)[0]!
  const [, steps, classes] = tensor.dims as [number, number, number]
  const scores = tensor.toFloat32()
  let [text, last] = ['', 0]
  for (let step = 0; step < steps; step++) {
    let best = 0
    for (let index = 1; index < classes; index++) if (scores[step * classes + index]! > scores[step * classes + best]!) best = index
    if (best !== last) text += characters[best] ?? ''
    last = best
  }
  return text
}

import type { Tensors } from '@whittle/ir'
import { fixture } from '@whittle/testing/fixture'
import { lineDataset } from 'example-text-direction/draw'
import type { Task } from './task.ts'
import { FACES, type Half, WORDS } from './words.ts'

const lines = (half: Half, count: number) => lineDataset({ seed: `direction/${half}`, words: WORDS[half], faces: FACES[half], count })

/** PP-OCR's text direction classifier on drawn lines of two words: upright or upside down. */
export const direction: Task = {
  name: 'direction',
  file: fixture('direction'),
  accuracy: 'top-1 accuracy',
  samples: 5000,
  calibration: lines('calibration', 128),
  evaluation: (count) => lines('evaluation', count),
  score: (outputs, { label }) => ({ correct: best(outputs) === label ? 1 : 0 }),
}

/** The class of the greatest score. */
export function best(outputs: Tensors): number {
  const scores = Object.values(outputs)[0]!.toFloat32()
  return scores.indexOf(Math.max(...scores))
}

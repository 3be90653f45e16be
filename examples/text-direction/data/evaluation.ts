import { lineDataset } from './draw.ts'
import { evaluationWords } from './words.ts'

/** Labelled lines on which accuracy is measured. */
export const evaluationLines = (count: number) => lineDataset({ seed: 'evaluation', words: evaluationWords, count })

export default evaluationLines(5000)

import { lineDataset } from './draw.ts'
import { calibrationWords } from './words.ts'

/** What the ranges of the activations are taken from. Shares no word and no seed with the evaluation. */
export default lineDataset({ seed: 'calibration', words: calibrationWords, count: 128 })

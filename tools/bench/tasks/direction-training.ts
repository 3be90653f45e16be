import { lineDataset } from 'example-text-direction/draw'
import { FACES, WORDS } from './words.ts'

/** Lines to learn from, whose labels nothing reads: of the words and faces that calibrate. */
export default lineDataset({ seed: 'direction/training', words: WORDS.calibration, faces: FACES.calibration, count: 1000 })

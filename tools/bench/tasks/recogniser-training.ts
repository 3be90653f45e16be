import { drawn } from './recogniser.ts'
import { FACES, WORDS } from './words.ts'

/** Words to learn from, whose labels nothing reads: of the words and faces that calibrate. */
export default drawn({ seed: 'words/training', words: WORDS.calibration, faces: FACES.calibration, count: 1000 })

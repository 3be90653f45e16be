import { voice } from './voice.ts'

/** For the compiler, which takes a dataset as a module. */
export default voice.calibration

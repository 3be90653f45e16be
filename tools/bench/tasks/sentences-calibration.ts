import { sentences } from './sentences.ts'

/** For the compiler, which takes a dataset as a module. */
export default sentences.calibration

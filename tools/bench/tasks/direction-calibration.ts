import { direction } from './direction.ts'

/** For the compiler, which takes a dataset as a module. */
export default direction.calibration

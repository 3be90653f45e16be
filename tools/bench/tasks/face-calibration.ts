import { face } from './face.ts'

/** For the compiler, which takes a dataset as a module. */
export default face.calibration

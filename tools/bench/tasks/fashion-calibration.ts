import { fashion } from './fashion.ts'

/** For the compiler, which takes a dataset as a module. */
export default fashion.calibration

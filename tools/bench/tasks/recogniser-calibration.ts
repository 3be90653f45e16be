import { recogniser } from './recogniser.ts'

/** For the compiler, which takes a dataset as a module. */
export default recogniser.calibration

import { detector } from './detector.ts'

/** For the compiler, which takes a dataset as a module. */
export default detector.calibration

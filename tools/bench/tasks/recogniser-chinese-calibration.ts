import { recogniserChinese } from './recogniser-chinese.ts'

/** For the compiler, which takes a dataset as a module. */
export default recogniserChinese.calibration

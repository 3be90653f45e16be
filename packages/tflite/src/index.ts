export { readTfliteFile } from './file.ts'
export { readTflite, type ReadTfliteOptions } from './read.ts'

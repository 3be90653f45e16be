export { dataTypeOf, elementTypeOf } from './data-type.ts'
export { readOnnxFile } from './file.ts'
export { readOnnx, type ReadOptions } from './read.ts'
export { writeOnnx } from './write.ts'

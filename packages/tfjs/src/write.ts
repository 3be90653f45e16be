export { programOps, whyNoProgram, writeProgram, type WrittenProgram } from './write/write-program.ts'
export type { Weight } from './write/writer.ts'
export { FAMILIES, familyOf, type Family } from './run/families.ts'

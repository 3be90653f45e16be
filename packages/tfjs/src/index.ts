export { readTfjsFile } from './read/file.ts'
export { isTfjs, readTfjs, tfjsShards } from './read/read.ts'
export type { CustomLayerCall, TfjsOptions } from './read/options.ts'

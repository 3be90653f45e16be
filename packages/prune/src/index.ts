export { prune, PRUNE_DEFAULTS, type PruneOptions, type PruneScope } from './prune.ts'
export { magnitudeMask } from './magnitude.ts'
export { patternMask } from './pattern.ts'

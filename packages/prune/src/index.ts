export { prune, PRUNE_DEFAULTS, type PruneMethod, type PruneOptions, type PruneScope } from './prune.ts'
export { magnitudeMask } from './magnitude.ts'
export { patternMask } from './pattern.ts'
export { gradualRatios } from './gradual.ts'

export { gradients, type GradientOptions, type Gradients } from './gradients.ts'
export { klDivergence, meanSquaredError, softmaxCrossEntropy } from './losses.ts'
export type { Frozen } from './reach.ts'
export { differentiableOps } from './rules/table.ts'

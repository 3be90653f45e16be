import type { Transform } from '@whittle/ir'
import { type LearnOptions, learn } from './learn.ts'

export interface QatOptions extends LearnOptions {
  /** What is learned from: labels, the original, both, or labels where samples have them and else the original. @default 'teacher' */
  losses?: 'labels' | 'teacher' | 'both' | 'any'
}

/**
 * Quantization-aware training of a model that has grids: weights and activations are rounded while it trains, and the sizes of their steps
 * are learned with the weights (LSQ: Esser et al. 2020). What comes out lies on the grids.
 */
export function qat({ losses = 'teacher', ...options }: QatOptions): Transform {
  return learn('qat', options, losses, true)
}

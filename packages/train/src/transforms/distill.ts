import type { Transform } from '@whittle/ir'
import { type LearnOptions, learn } from './learn.ts'

export interface DistillationOptions extends LearnOptions {
  /** Whether labels are learned from as well, the losses added up. @default false */
  labels?: boolean
}

/**
 * Trains the weights so that the outputs follow those of the original on samples that need no labels (Hinton, Vinyals & Dean 2015). Zeros of
 * kernels stay zeros.
 */
export function distill({ labels = false, ...options }: DistillationOptions): Transform {
  return learn('distill', options, labels ? 'both' : 'teacher', false)
}

import type { Transform } from '@whittle/ir'
import { type LearnOptions, learn } from './learn.ts'

export type FinetuneOptions = Omit<LearnOptions, 'teacher' | 'temperature' | 'follow'>

/**
 * Trains the weights on labelled samples, such as after pruning: zeros of kernels stay zeros. Labels are class indices, or float32 tensors of
 * the output's shape.
 */
export function finetune(options: FinetuneOptions): Transform {
  return learn('finetune', options, 'labels', false)
}

import type { Dataset, StepReport, Target } from '@whittle/ir'
import type { Lowering } from './lower/lower.ts'
import type { Recipe } from './recipe.ts'

export function lowerReport({ integerNodes, dynamicNodes, blockNodes, stored, skipped }: Lowering): StepReport {
  return {
    step: 'lower',
    options: {},
    changed: [
      ...integerNodes.map((at) => ({ at, what: 'computes in int8' })),
      ...dynamicNodes.map((at) => ({ at, what: 'computes in int8, with an input that is rounded at every run' })),
      ...blockNodes.map((at) => ({ at, what: 'computes with weights of few bits' })),
      ...stored.map((at) => ({ at, what: 'stored in fewer bits, computed in float32' })),
    ],
    skipped,
  }
}

/** What a user would want to know before the numbers: what was not done for want of samples, and what was found not to pay. */
export function warningsOf({ format, steps }: Recipe, target: Target, calibration: Dataset | undefined, explained: number): string[] {
  const warnings: string[] = []
  if (!calibration && steps.some(({ name, options }) => name === 'prune' && options['method'] === 'magnitude'))
    warnings.push('pruned by magnitude alone: give calibrate= to prune what matters least on your samples, which loses far less')
  if (format !== 'int8' || !target.computes.includes('qdq-u8s8')) return warnings
  if (!calibration) warnings.push('weights only: give calibrate= to compute in int8 where that is faster')
  else if (explained === 0)
    warnings.push('no node is faster in int8 at these shapes: all weights are stored in int8 and computed in float32')
  return warnings
}

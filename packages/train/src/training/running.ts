import type { Value } from '@whittle/ir'
import type { BatchStatistic } from '../batch-statistics.ts'

/** The share of what is kept that stays when a batch is taken in. */
const MOMENTUM = 0.9

/** What a BatchNormalization keeps for inference: a mean over batches that fades. */
export class RunningStatistic {
  readonly name: string
  /** The output that gives a batch's own. */
  readonly output: string
  readonly values: Float32Array

  constructor({ name, output }: BatchStatistic, value: Value) {
    this.name = name
    this.output = output
    this.values = Float32Array.from(value.tensor!.toFloat32())
  }

  take(own: Float32Array): void {
    for (let at = 0; at < own.length; at++) this.values[at] = MOMENTUM * this.values[at]! + (1 - MOMENTUM) * own[at]!
  }
}

import type { Value } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'
import { perChannel } from './conv.ts'
import { channelsFirst } from './window.ts'

/** Moments of a batch normalization, one number for each channel. */
export interface Moments {
  readonly scale?: Value | undefined
  readonly offset?: Value | undefined
  readonly mean: Value
  readonly variance: Value
  readonly epsilon: number
}

/** Normalizes along the last axis, or along the first after the batch. */
export function batchNorm(e: Emitter, x: Value, moments: Moments, isLast: boolean): Value {
  const channels = e.fixed(moments.mean, 0)
  const scale = moments.scale ?? e.derived('ones', `ones ${channels}`, () => perChannel(channels, 1))
  const offset = moments.offset ?? e.derived('zeros', `zeros ${channels}`, () => perChannel(channels, 0))
  const epsilon = { type: 'float', value: moments.epsilon } as const
  return channelsFirst(e, x, isLast, (first) =>
    e.node('BatchNormalization', [first, scale, offset, moments.mean, moments.variance], { epsilon }),
  )
}

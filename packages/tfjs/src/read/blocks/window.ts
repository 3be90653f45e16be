import type { AttributeLike, Dim, Value } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'

/** How far a layer pads: `same` and `valid` as TensorFlow defines them, or given numbers for each spatial axis. */
export type Padding = 'same' | 'valid' | { readonly before: readonly number[]; readonly after: readonly number[] }

/** What a sliding window is; one number for each spatial axis. */
export interface Window {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly padding: Padding
}

/** Axes in channels-first order, from a tensor whose channels come last. */
export function firstPerm(rank: number): number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 1)]
}

/** Axes in channels-last order, from a tensor whose channels come first. */
export function lastPerm(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2), 1]
}

/** Does something in channels-first order; the layout pass takes away the Transposes that cancel. */
export function channelsFirst(e: Emitter, x: Value, isLast: boolean, emit: (x: Value) => Value): Value {
  const rank = e.rank(x)
  if (!isLast || rank < 3) return emit(x)
  const y = emit(e.transpose(x, firstPerm(rank)))
  return e.transpose(y, lastPerm(e.rank(y)))
}

/**
 * `pads`, or `auto_pad` where the padding depends on a free dimension. TensorFlow puts the odd one of `same` at the end, as SAME_UPPER does.
 * @param spatial the sizes of the spatial axes.
 */
export function padsOf(e: Emitter, window: Window, spatial: readonly Dim[]): Record<string, AttributeLike> {
  const { kernel, strides, dilations, padding } = window
  checkWindow(e, window, spatial.length)
  if (padding === 'valid') return {}
  if (padding !== 'same')
    return padding.before.some(Boolean) || padding.after.some(Boolean) ? { pads: [...padding.before, ...padding.after] } : {}
  const totals = spatial.map((size, axis) => {
    const [reach, stride] = [(kernel[axis]! - 1) * dilations[axis]! + 1, strides[axis]!]
    // A window that moves by one needs the same padding whatever the size is.
    if (stride === 1) return reach - 1
    if (typeof size !== 'number') return undefined
    return Math.max((Math.ceil(size / stride) - 1) * stride + reach - size, 0)
  })
  if (totals.includes(undefined)) {
    if (dilations.some((dilation) => dilation !== 1))
      throw e.refuse('dilation and strides with padding of a free size; convert the model with fixed input shapes')
    return { auto_pad: 'SAME_UPPER' }
  }
  const before = totals.map((total) => Math.floor(total! / 2))
  if (totals.every((total) => total === 0)) return {}
  return { pads: [...before, ...totals.map((total, axis) => total! - before[axis]!)] }
}

function checkWindow(e: Emitter, { kernel, strides, dilations, padding }: Window, axes: number): void {
  const lists = [kernel, strides, dilations, ...(typeof padding === 'string' ? [] : [padding.before, padding.after])]
  if (lists.some((list) => list.length !== axes)) throw e.fail(`its kernel, strides or padding are not those of ${axes} spatial axes`)
  if ([kernel, strides, dilations].some((list) => list.some((item) => !(item >= 1 && item < 2 ** 31))))
    throw e.fail('its kernel, strides and dilations must be at least 1')
}

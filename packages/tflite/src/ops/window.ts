import type { AttributeLike } from '@whittle/ir'
import type { Lowering } from '../lowering.ts'
import { PADDING } from '../schema/tables.ts'

/** Windows that slide over height and width, each pair `[vertical, horizontal]`. */
export interface Window {
  readonly kernel: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly dilations?: readonly [number, number]
}

export function strides(l: Lowering): [number, number] {
  const pair: [number, number] = [l.op.number('strideH'), l.op.number('strideW')]
  if (pair.some((stride) => stride < 1)) throw l.op.fail(`its strides are ${pair}`)
  return pair
}

/** The attributes of Conv and of pools. What SAME adds is cut in halves, the larger after; exact where the size is known, else by its name. */
export function windowAttributes(l: Lowering, input: number, window: Window, explicit?: readonly number[]): Record<string, AttributeLike> {
  const { kernel, strides: steps, dilations = [1, 1] } = window
  if (kernel.some((size) => size < 1) || dilations.some((step) => step < 1))
    throw l.op.fail(`its window is ${kernel}, its dilations ${dilations}`)
  const attributes: Record<string, AttributeLike> = { kernel_shape: [...kernel] }
  if (steps.some((step) => step !== 1)) attributes.strides = [...steps]
  if (dilations.some((step) => step !== 1)) attributes.dilations = [...dilations]
  if (explicit) return { ...attributes, pads: [...explicit] }
  if (paddingOf(l) === 'VALID') return attributes
  const sizes = l.dims(input).slice(1, 3)
  if (sizes.some((size) => size < 0)) return { ...attributes, auto_pad: 'SAME_UPPER' }
  const totals = sizes.map((size, at) => {
    const reach = (kernel[at]! - 1) * dilations[at]! + 1
    return Math.max((Math.ceil(size / steps[at]!) - 1) * steps[at]! + reach - size, 0)
  })
  const before = totals.map((total) => Math.floor(total / 2))
  if (totals.some(Boolean)) attributes.pads = [...before, ...totals.map((total, at) => total - before[at]!)]
  return attributes
}

export function paddingOf(l: Lowering): 'SAME' | 'VALID' {
  const name = PADDING[l.op.number('padding')]
  if (name !== 'SAME' && name !== 'VALID') throw l.op.fail(`its padding is ${l.op.number('padding')}`)
  return name
}

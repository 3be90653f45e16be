import { RunError } from '../errors.ts'
import type { TensorMap } from '../session.ts'
import { elementTypeOf } from '../tensor.ts'

/** Stretches of an input that are looked at one by one, so that what is small and changes much is seen. */
const STRETCHES = 256

/**
 * How much inputs changed: over all stretches of all inputs, the greatest mean absolute difference, as a share of the mean absolute deviation of
 * the whole input before. Infinity where shapes, types or what cannot be subtracted differ, or a number is none.
 */
export function changeOf(before: TensorMap, now: TensorMap): number {
  const names = Object.keys(now)
  if (names.length !== Object.keys(before).length) return Infinity
  return Math.max(0, ...names.map((name) => (before[name] ? changeOfInput(before[name], now[name]!) : Infinity)))
}

type Input = TensorMap[string]

function changeOfInput(before: Input, now: Input): number {
  if (before.type !== now.type || before.dims.join() !== now.dims.join()) return Infinity
  const [old, fresh] = [before.data, now.data] as unknown as [ArrayLike<unknown>, ArrayLike<unknown>]
  if (!subtracts(now)) return Array.prototype.every.call(fresh, (item, at) => item === old[at]) ? 0 : Infinity
  const [a, b] = [old, fresh] as [ArrayLike<number>, ArrayLike<number>]
  const spread = deviation(a)
  const length = Math.max(1, Math.ceil(b.length / STRETCHES))
  let most = 0
  for (let start = 0; start < b.length; start += length) {
    const end = Math.min(b.length, start + length)
    let sum = 0
    for (let at = start; at < end; at++) sum += Math.abs(b[at]! - a[at]!)
    // A number that is none differs from everything.
    if (!(sum < Infinity)) return Infinity
    most = Math.max(most, sum / (end - start))
  }
  // Of what was the same all over, any difference is all.
  return most === 0 ? 0 : most / spread
}

/** Whether elements are plain numbers: not the bits of float16, no texts, no big integers. */
function subtracts({ type, data }: Input): boolean {
  return type !== 'bool' && type !== 'string' && !type.endsWith('64') && !(type === 'float16' && elementTypeOf(data) === 'uint16')
}

function deviation(items: ArrayLike<number>): number {
  let sum = 0
  for (let at = 0; at < items.length; at++) sum += items[at]!
  const mean = sum / items.length
  let away = 0
  for (let at = 0; at < items.length; at++) away += Math.abs(items[at]! - mean)
  return away / items.length
}

/** A copy of inputs, whose arrays may be filled anew for the next frame. @throws {RunError} STREAM_INPUT for what lies on the GPU. */
export function copyOf(inputs: TensorMap): TensorMap {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => {
      const data = input.data as unknown as { slice?: () => Input['data'] }
      if (typeof data.slice !== 'function')
        throw new RunError('STREAM_INPUT', `stream: '${name}' lies on the GPU, where frames are not compared; give it as an array`)
      return [name, { ...input, data: data.slice() }]
    }),
  )
}

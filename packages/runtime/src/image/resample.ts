import type { Pixels } from './pixels.ts'
import type { Fit, Rgb } from './options.ts'

/** Where all of a picture comes to lie in a target; beyond the target's edges it is cut off. */
interface Placement {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

function place({ width, height }: Pixels, [rows, columns]: readonly [number, number], fit: Fit): Placement {
  if (fit === 'stretch') return { left: 0, top: 0, width: columns, height: rows }
  const scale = Math[fit === 'contain' ? 'min' : 'max'](columns / width, rows / height)
  const size = (length: number): number => Math.max(1, Math.round(length * scale))
  const [wide, high] = [size(width), size(height)]
  return { left: Math.trunc((columns - wide) / 2), top: Math.trunc((rows - high) / 2), width: wide, height: high }
}

/** For each position of a target which the picture reaches, from `begin` to `end`: of which of the source's positions it is made. */
interface Taps {
  readonly begin: number
  readonly end: number
  /** The first position of the source, by position of the target. */
  readonly first: Int32Array
  readonly count: Int32Array
  /** How much of each, `most` for a position of the target; their sum is 1. */
  readonly weights: Float64Array
  readonly most: number
}

/**
 * A triangle filter, which takes two neighbours where a picture grows, and all that a target's pixel covers where it shrinks. The same as
 * Pillow's `BILINEAR` and torchvision's with `antialias`, but for their rounding to bytes in between.
 */
function tapsOf(source: number, placed: number, from: number, length: number): Taps {
  const ratio = source / placed
  const support = Math.max(1, ratio)
  const most = Math.ceil(support) * 2 + 1
  const taps = {
    begin: Math.max(0, from),
    end: Math.min(length, from + placed),
    first: new Int32Array(length),
    count: new Int32Array(length),
    weights: new Float64Array(length * most),
    most,
  }
  for (let position = taps.begin; position < taps.end; position++) {
    const centre = (position - from + 0.5) * ratio
    const weigh = (at: number): number => Math.max(0, 1 - Math.abs((at + 0.5 - centre) / support))
    let first = Math.max(0, Math.floor(centre - support + 0.5))
    let end = Math.min(source, Math.floor(centre + support + 0.5))
    while (weigh(first) === 0) first++
    while (weigh(end - 1) === 0) end--
    let sum = 0
    for (let at = first; at < end; at++) sum += weigh(at)
    for (let at = first; at < end; at++) taps.weights[position * most + at - first] = weigh(at) / sum
    taps.first[position] = first
    taps.count[position] = end - first
  }
  return taps
}

/**
 * A picture in another size, as red, green and blue from 0 to 255, row by row. Pixels that are not opaque are laid on `fill`. Where nothing has
 * to be scaled the numbers are the picture's own. First each row is scaled, then each column.
 */
export function resample(pixels: Pixels, size: readonly [height: number, width: number], fit: Fit, fill: Rgb): Float32Array {
  const [rows, columns] = size
  const placed = place(pixels, size, fit)
  const down = tapsOf(pixels.height, placed.height, placed.top, rows)
  const { begin, end, first, count, weights, most } = down
  const firstRow = first[begin]!
  const narrow = shrinkRows(
    pixels,
    tapsOf(pixels.width, placed.width, placed.left, columns),
    firstRow,
    first[end - 1]! + count[end - 1]!,
    fill,
  )

  const stride = columns * 3
  const result = new Float32Array(rows * stride)
  for (let row = 0; row < rows; row++) {
    const to = row * stride
    if (row < begin || row >= end) for (let at = 0; at < stride; at++) result[to + at] = fill[at % 3]!
    for (let tap = 0; tap < count[row]!; tap++) {
      const weight = weights[row * most + tap]!
      const from = (first[row]! - firstRow + tap) * stride
      for (let at = 0; at < stride; at++) result[to + at]! += weight * narrow[from + at]!
    }
  }
  return result
}

/** The rows from `top` to `bottom`, each as wide as the target. */
function shrinkRows(
  pixels: Pixels,
  { begin, end, first, count, weights, most }: Taps,
  top: number,
  bottom: number,
  fill: Rgb,
): Float32Array {
  const data = opaque(pixels.data, fill)
  const columns = first.length
  const result = new Float32Array((bottom - top) * columns * 3)
  for (let row = top; row < bottom; row++) {
    const to = (row - top) * columns * 3
    for (let column = 0; column < columns; column++) {
      if (column < begin || column >= end) {
        result.set(fill, to + column * 3)
        continue
      }
      let [red, green, blue] = [0, 0, 0]
      let from = (row * pixels.width + first[column]!) * 4
      const last = column * most + count[column]!
      for (let tap = column * most; tap < last; tap++, from += 4) {
        const weight = weights[tap]!
        red += weight * data[from]!
        green += weight * data[from + 1]!
        blue += weight * data[from + 2]!
      }
      result[to + column * 3] = red
      result[to + column * 3 + 1] = green
      result[to + column * 3 + 2] = blue
    }
  }
  return result
}

/** Pixels laid on a colour, where any of them lets it through. */
function opaque(data: Uint8ClampedArray, fill: Rgb): Uint8ClampedArray {
  let at = 3
  while (at < data.length && data[at] === 255) at += 4
  if (at >= data.length) return data
  const result = data.slice()
  for (at = 0; at < data.length; at++) {
    const alpha = data[at | 3]! / 255
    result[at] = data[at]! * alpha + (fill[at & 3] ?? 0) * (1 - alpha)
  }
  return result
}

/** A picture as the canvas gives it: RGBA, 8 bits a channel, row by row. An `ImageData` is one. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly data: Uint8ClampedArray
}

/** Height of the text line that the model expects. */
export const LINE_HEIGHT = 48

/** Columns that the model looks at; what is longer is cut, what is shorter is padded with zeros. */
export const LINE_WIDTH = 192

/** The shape of {@link toInput}'s array. */
export const INPUT_DIMS = [1, 3, LINE_HEIGHT, LINE_WIDTH] as const

/**
 * What the model sees of a picture: 48 rows, aspect ratio kept, blue-green-red planes, `x / 127.5 - 1`, cut or padded with zeros to `lineWidth`
 * columns. Transparent parts are white. The same function makes the samples at build time, so the model is calibrated and judged on
 * exactly what the page feeds it; a canvas's own resizing differs from browser to browser and is not used.
 */
export function toInput(picture: Picture, lineWidth = LINE_WIDTH): Float32Array {
  const { width, height, data } = picture
  const columns = tapsOf(width, Math.max(1, Math.round((width * LINE_HEIGHT) / height)), lineWidth)
  const rows = tapsOf(height, LINE_HEIGHT, LINE_HEIGHT)
  // One pass across, one pass down; `across` holds the source's rows, already `lineWidth` or fewer columns wide.
  const across = new Float32Array(height * columns.length * 3)
  for (let y = 0, to = 0; y < height; y++) {
    for (const { first, weights } of columns) {
      let [red, green, blue] = [0, 0, 0]
      for (let tap = 0, from = (y * width + first) * 4; tap < weights.length; tap++, from += 4) {
        const cover = (weights[tap]! * data[from + 3]!) / 255
        const paper = (weights[tap]! - cover) * 255
        red += cover * data[from]! + paper
        green += cover * data[from + 1]! + paper
        blue += cover * data[from + 2]! + paper
      }
      across[to++] = blue
      across[to++] = green
      across[to++] = red
    }
  }
  const plane = LINE_HEIGHT * lineWidth
  const input = new Float32Array(3 * plane)
  const stride = columns.length * 3
  for (let y = 0; y < LINE_HEIGHT; y++) {
    const { first, weights } = rows[y]!
    for (let column = 0; column < columns.length; column++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0
        for (let tap = 0, from = first * stride + column * 3 + channel; tap < weights.length; tap++, from += stride)
          sum += weights[tap]! * across[from]!
        input[channel * plane + y * lineWidth + column] = sum / 127.5 - 1
      }
    }
  }
  return input
}

/** The picture turned by 180 degrees. */
export function turn(picture: Picture): Picture {
  const { width, height, data } = picture
  const turned = new Uint8ClampedArray(data.length)
  for (let from = 0, to = data.length - 4; to >= 0; from += 4, to -= 4) {
    turned[to] = data[from]!
    turned[to + 1] = data[from + 1]!
    turned[to + 2] = data[from + 2]!
    turned[to + 3] = data[from + 3]!
  }
  return { width, height, data: turned }
}

interface Taps {
  /** The first source position. */
  readonly first: number
  /** Weights of the positions from there on; their sum is 1. */
  readonly weights: readonly number[]
}

/**
 * For each of the first `limit` positions of an axis resized from `from` to `to`: which source positions it is made of. Linear
 * interpolation; when shrinking, the triangle is as wide as the step, so that nothing is skipped.
 */
function tapsOf(from: number, to: number, limit: number): Taps[] {
  const step = from / to
  const reach = Math.max(1, step)
  return Array.from({ length: Math.min(to, limit) }, (_, position) => {
    const centre = (position + 0.5) * step - 0.5
    const first = Math.max(0, Math.ceil(centre - reach))
    const last = Math.min(from - 1, Math.floor(centre + reach))
    const weights = Array.from({ length: last - first + 1 }, (_, tap) => Math.max(0, 1 - Math.abs(first + tap - centre) / reach))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    return { first, weights: weights.map((weight) => weight / total) }
  })
}

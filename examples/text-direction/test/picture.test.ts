import { describe, expect, it } from 'vitest'
import { LINE_HEIGHT, LINE_WIDTH, type Picture, toInput, turn } from '../src/picture.ts'

const PLANE = LINE_HEIGHT * LINE_WIDTH

function paint(width: number, height: number, colour: (x: number, y: number) => [number, number, number, number]): Picture {
  const data = new Uint8ClampedArray(width * height * 4)
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set(colour(x, y), (y * width + x) * 4)
  return { width, height, data }
}

function at(input: Float32Array, channel: number, x: number, y: number): number {
  return input[channel * PLANE + y * LINE_WIDTH + x]!
}

describe('toInput', () => {
  it('orders the planes blue, green, red and maps 0..255 to -1..1', () => {
    const input = toInput(paint(192, 48, () => [255, 51, 0, 255]))
    expect([0, 1, 2].map((channel) => at(input, channel, 100, 20))).toEqual([-1, expect.closeTo(51 / 127.5 - 1, 6), 1])
  })

  it('leaves a picture of the right height as it is', () => {
    const input = toInput(paint(192, 48, (x, y) => [x, y, 0, 255]))
    expect(at(input, 2, 77, 13)).toBeCloseTo(77 / 127.5 - 1, 6)
    expect(at(input, 1, 77, 13)).toBeCloseTo(13 / 127.5 - 1, 6)
  })

  it('keeps the aspect ratio and pads a short line with zeros', () => {
    const input = toInput(paint(50, 24, () => [255, 255, 255, 255]))
    expect(at(input, 0, 99, 47)).toBe(1)
    expect(at(input, 0, 100, 47)).toBe(0)
  })

  it('cuts a long line at 192 columns', () => {
    const input = toInput(paint(800, 48, (x) => (x < 192 ? [255, 255, 255, 255] : [0, 0, 0, 255])))
    expect(at(input, 0, 191, 0)).toBe(1)
  })

  it('averages what it shrinks, so that no stroke is lost', () => {
    // One dark row in every eight: a sample that skips rows would see all or nothing.
    const input = toInput(paint(384, 384, (_, y) => (y % 8 === 3 ? [0, 0, 0, 255] : [255, 255, 255, 255])))
    const values = Array.from({ length: 40 }, (_, y) => at(input, 1, 20, y + 4))
    for (const value of values) expect(value).toBeCloseTo(1 - 2 / 8, 1)
  })

  it('shows transparent parts as white paper', () => {
    expect(at(toInput(paint(192, 48, () => [0, 0, 0, 0])), 1, 5, 5)).toBe(1)
  })
})

describe('turn', () => {
  it('puts the first pixel last, and twice is nothing', () => {
    const picture = paint(3, 2, (x, y) => [x, y, 7, 255])
    expect([...turn(picture).data.slice(-4)]).toEqual([0, 0, 7, 255])
    expect([...turn(picture).data.slice(0, 4)]).toEqual([2, 1, 7, 255])
    expect(turn(turn(picture))).toEqual(picture)
  })
})

import { describe, expect, test } from 'vitest'
import { openPage } from './host.ts'
import { RGB, RGBA, plane, pictures } from './pictures.ts'

const own = pictures()
const { give } = own

function close(actual: number[], expected: number[], within: number): void {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((value, index) => expect(Math.abs(value - expected[index]!), `at ${index}`).toBeLessThanOrEqual(within))
}

describe('imageTensor, where nothing is scaled', () => {
  test('gives the picture’s own numbers from 0 to 1, channel after channel', async () => {
    const result = await give('return imageTensor(picture(), { size: [2, 3] })')
    expect(result).toMatchObject({ type: 'float32', dims: [1, 3, 2, 3], array: 'Float32Array' })
    expect(result.data).toEqual([plane(0), plane(1), plane(2)].flat().map((value) => Math.fround(value / 255)))
  })

  test('gives each of the 256 values as it is divided by 255', async () => {
    const values = Array.from({ length: 256 }, (_, value) => value)
    const { data } = await give(
      `return imageTensor(picture(${JSON.stringify(values.flatMap((v) => [v, v, v, 255]))}, 16), { size: [16, 16], layout: 'NHWC' })`,
    )
    expect(data).toEqual(values.flatMap((v) => Array(3).fill(Math.fround(v / 255))))
  })

  test.each([
    [`layout: 'NHWC', type: 'uint8'`, [1, 2, 3, 3], RGB.flat()],
    [`type: 'uint8'`, [1, 3, 2, 3], [plane(0), plane(1), plane(2)].flat()],
    [`channels: 'bgr', type: 'uint8'`, [1, 3, 2, 3], [plane(2), plane(1), plane(0)].flat()],
    [`channels: 'bgr', layout: 'NHWC', type: 'uint8'`, [1, 2, 3, 3], RGB.flatMap(([r, g, b]) => [b!, g!, r!])],
    // 0.299 r + 0.587 g + 0.114 b, rounded.
    [`channels: 'gray', type: 'uint8'`, [1, 1, 2, 3], [18, 48, 78, 108, 138, 91]],
  ])('%s', async (options, dims, data) => {
    expect(await give(`return imageTensor(picture(), { size: [2, 3], ${options} })`)).toMatchObject({
      type: 'uint8',
      array: 'Uint8Array',
      dims,
      data,
    })
  })

  test.each([
    ['mean: [0.5, 0.25, 0], std: [0.5, 2, 1]', [(255 / 255 - 0.5) / 0.5, (0 - 0.25) / 2, 128 / 255]],
    [`channels: 'bgr', mean: [0.5, 0.25, 0], std: 0.5`, [(128 / 255 - 0.5) / 0.5, (0 - 0.25) / 0.5, 2]],
    ['std: [1, 1, 0.25]', [1, 0, (4 * 128) / 255]],
    ['scale: 1 / 127.5, offset: -1', [1, -1, 128 / 127.5 - 1]],
    ['scale: 1', [255, 0, 128]],
    ['offset: 1', [2, 1, 128 / 255 + 1]],
  ])('%s', async (options, last) => {
    const { data } = await give(`return imageTensor(picture(), { size: [2, 3], layout: 'NHWC', ${options} })`)
    close(data.slice(-3), last, 1e-6)
  })

  test.each([
    [
      'ImageData of another window',
      `document.body.append(document.createElement('iframe')); const { ImageData } = frames[0]; return imageTensor(new ImageData(picture().data, 3), OPTIONS)`,
    ],
    ['ImageBitmap', 'return imageTensor(await createImageBitmap(picture()), OPTIONS)'],
    ['HTMLImageElement', 'return imageTensor(await shown(URL.createObjectURL(await png())), OPTIONS)'],
    ['HTMLCanvasElement', `return imageTensor(drawn(document.createElement('canvas')), OPTIONS)`],
    ['OffscreenCanvas', 'return imageTensor(drawn(), OPTIONS)'],
    [
      'VideoFrame',
      `const frame = new VideoFrame(drawn(), { timestamp: 0 }); return imageTensor(frame, OPTIONS).finally(() => frame.close())`,
    ],
    ['Blob', 'return imageTensor(await png(), OPTIONS)'],
    ['File', `return imageTensor(new File([await png()], 'a.png'), OPTIONS)`],
  ])('takes %s', async (_, body) => {
    const result = await give(body.replaceAll('OPTIONS', `{ size: [2, 3], layout: 'NHWC', type: 'uint8' }`))
    expect(result).toMatchObject({ dims: [1, 2, 3, 3], data: RGB.flat() })
  })

  test('takes HTMLVideoElement', async () => {
    const { data } = await give(`return imageTensor(await filmed(), { size: [64, 64], layout: 'NHWC', type: 'uint8' })`)
    // A video's colours are coded in another space.
    close(
      data,
      Array(64 * 64)
        .fill([200, 100, 50])
        .flat(),
      6,
    )
  })

  test('takes the colours of Display P3 as those of sRGB', async () => {
    const { data } = await give(`
      const image = new ImageData(Uint8ClampedArray.of(117, 251, 76, 255), 1, 1, { colorSpace: 'display-p3' })
      return imageTensor(image, { size: [1, 1], type: 'uint8' })`)
    // The green of sRGB, as Display P3 writes it.
    close(data, [0, 255, 0], 4)
  })

  test('makes a batch of an array', async () => {
    const result = await give(`
      return imageTensor([picture(), await png(), picture(${JSON.stringify([...RGBA].reverse().map((v, i) => (i % 4 === 3 ? 255 : v)))})], { size: [2, 3], type: 'uint8', channels: 'gray' })`)
    expect(result.dims).toEqual([3, 1, 2, 3])
    expect(result.data.slice(0, 12)).toEqual([18, 48, 78, 108, 138, 91, 18, 48, 78, 108, 138, 91])
    expect(result.data[17]).not.toBe(91)
  })

  test('lays pixels that are not opaque on the fill', async () => {
    const clear = `picture([200, 100, 0, 255, 200, 100, 0, 0, 200, 100, 0, 51], 3)`
    const { data } = await give(`return imageTensor(${clear}, { size: [1, 3], layout: 'NHWC', type: 'uint8', fill: [0, 50, 100] })`)
    expect(data).toEqual([200, 100, 0, 0, 50, 100, 40, 60, 80])
  })

  test('takes what a source shows when it is called, and closes nothing', async () => {
    const [data, width] = await give(`
      const canvas = drawn()
      const bitmap = await createImageBitmap(picture())
      const tensors = [imageTensor(canvas, { size: [2, 3], type: 'uint8', channels: 'gray' }), imageTensor(bitmap, { size: [2, 3] })]
      canvas.getContext('2d').clearRect(0, 0, 3, 2)
      await tensors[1]
      return [[...(await tensors[0]).data], bitmap.width]`)
    expect(data).toEqual([18, 48, 78, 108, 138, 91])
    expect(width).toBe(3)
  })
})

/** The triangle filter over both axes at once, pixel by pixel. `at` gives a channel of the picture. */
function filtered(width: number, height: number, wide: number, high: number, at: (x: number, y: number) => number): number[] {
  const [sx, sy] = [width / wide, height / high]
  const tent = (distance: number, scale: number): number => Math.max(0, 1 - Math.abs(distance) / Math.max(1, scale))
  return Array.from({ length: wide * high }, (_, index) => {
    const [cx, cy] = [((index % wide) + 0.5) * sx, (Math.floor(index / wide) + 0.5) * sy]
    let [sum, total] = [0, 0]
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const weight = tent(x + 0.5 - cx, sx) * tent(y + 0.5 - cy, sy)
        sum += weight * at(x, y)
        total += weight
      }
    return sum / total
  })
}

const wave = (x: number, y: number): number => (x * 37 + y * 101 + x * y * 13) % 256
const WAVES = (width: number, height: number): string =>
  `picture(Array.from({ length: ${width * height} }, (_, i) => { const [x, y] = [i % ${width}, Math.floor(i / ${width})]; const v = (x * 37 + y * 101 + x * y * 13) % 256; return [v, v, v, 255] }).flat(), ${width})`

describe('imageTensor, where pictures are scaled', () => {
  test('gives what Pillow gives, before it rounds to bytes', async () => {
    const row = [0, 100, 200, 40].flatMap((v) => [v, v, v, 255])
    const { data } = await give(`return imageTensor(picture(${JSON.stringify(row)}, 4), { size: [1, 2], layout: 'NHWC', scale: 1 })`)
    // Weights 3, 3 and 1 of 7, from either side.
    close(data, [500 / 7, 500 / 7, 500 / 7, 820 / 7, 820 / 7, 820 / 7], 1e-4)
  })

  test.each([
    ['smaller', 17, 11, 5, 4],
    ['larger', 5, 4, 17, 11],
    ['narrower and higher', 12, 3, 7, 9],
  ])('%s: a triangle filter', async (_, width, height, wide, high) => {
    const { data } = await give(`return imageTensor(${WAVES(width, height)}, { size: [${high}, ${wide}], scale: 1 })`)
    const expected = filtered(width, height, wide, high, wave)
    close(data, [...expected, ...expected, ...expected], 1e-3)
  })

  test('contain shows all, centred on the fill', async () => {
    const result = await give(
      `return imageTensor(${WAVES(8, 4)}, { size: [5, 4], fit: 'contain', fill: [1, 2, 3], layout: 'NHWC', scale: 1 })`,
    )
    const inner = filtered(8, 4, 4, 2, wave).flatMap((v) => [v, v, v])
    const ground = Array(4).fill([1, 2, 3]).flat()
    close(result.data, [...ground, ...inner, ...ground, ...ground], 1e-3)
  })

  test('cover cuts off what is over, the same on both sides', async () => {
    const result = await give(`return imageTensor(${WAVES(12, 4)}, { size: [2, 2], fit: 'cover', scale: 1 })`)
    const whole = filtered(12, 4, 6, 2, wave)
    const cut = [whole[2]!, whole[3]!, whole[8]!, whole[9]!]
    close(result.data, [...cut, ...cut, ...cut], 1e-3)
  })

  test('cover of a picture that only has to be cut gives its own numbers', async () => {
    const { data } = await give(`return imageTensor(picture(), { size: [2, 1], fit: 'cover', layout: 'NHWC', type: 'uint8' })`)
    expect(data).toEqual([...RGB[1]!, ...RGB[4]!])
  })

  test('a photograph of 12 million pixels', async () => {
    const { dims, data } = await give(`
      const canvas = new OffscreenCanvas(4000, 3000)
      const context = canvas.getContext('2d')
      context.fillStyle = 'rgb(10 200 30)'
      context.fillRect(0, 0, 4000, 3000)
      return imageTensor(canvas, { size: [8, 8], fit: 'cover', layout: 'NHWC', type: 'uint8' })`)
    expect(dims).toEqual([1, 8, 8, 3])
    expect(data).toEqual(Array(64).fill([10, 200, 30]).flat())
  })
})

describe('imageTensor elsewhere', () => {
  test('gives the same in a worker', async () => {
    const result = await own.page.evaluate(async () => {
      const code = `
        import '${location.origin}/page.js'
        const canvas = new OffscreenCanvas(9, 7)
        canvas.getContext('2d').fillStyle = 'rgb(9 8 7)'
        canvas.getContext('2d').fillRect(0, 0, 9, 7)
        const { data, dims } = await whittle.imageTensor([canvas, await canvas.convertToBlob()], { size: [1, 2], layout: 'NHWC', type: 'uint8' })
        postMessage({ data: [...data], dims, document: typeof document })`
      const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })), { type: 'module' })
      return new Promise<any>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data)
        worker.onerror = ({ message }) => reject(new Error(message))
      })
    })
    expect(result).toEqual({ data: Array(4).fill([9, 8, 7]).flat(), dims: [2, 1, 2, 3], document: 'undefined' })
  })

  test('does with a canvas of the page where there is no OffscreenCanvas, and makes one', async () => {
    const other = await openPage(own.browser, own.host, () => {
      const made: unknown[] = []
      const { createElement } = document
      delete (globalThis as any).OffscreenCanvas
      document.createElement = function (this: Document, name: string) {
        const element = createElement.call(document, name)
        if (name === 'canvas') made.push(element)
        return element
      } as never
      Object.assign(globalThis, { made })
    })
    const result = await give(
      `
      const take = async (image) => [...(await imageTensor(await createImageBitmap(image), { size: [2, 3], type: 'uint8', channels: 'gray' })).data]
      const first = await take(picture())
      await take(picture([1, 2, 3, 255], 1))
      return [first, await take(picture()), made.length]`.replace('new OffscreenCanvas(1, 1)', ''),
      other,
    )
    expect(result).toEqual([[18, 48, 78, 108, 138, 91], [18, 48, 78, 108, 138, 91], 1])
    await other.close()
  })

  test('leaves nothing of one picture in the next', async () => {
    const [data] = await give(`
      await imageTensor(drawn(), { size: [2, 3] })
      const clear = drawn(undefined, picture(Array(24).fill(0)))
      return [[...(await imageTensor(clear, { size: [2, 3], type: 'uint8' })).data]]`)
    expect(data).toEqual(Array(18).fill(0))
  })
})

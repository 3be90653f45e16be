import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launchBrowser, type Browser, type Page } from '@whittle/browser'
import { openPage, startHost, type Host } from './host.ts'

let browser: Browser
let host: Host
let page: Page
beforeAll(async () => {
  browser = await launchBrowser()
  host = await startHost()
  page = await openPage(browser, host)
})
afterAll(async () => {
  await browser?.close()
  await host?.close()
})

/** Two rows of three pixels. */
const RGB = [
  [10, 20, 30],
  [40, 50, 60],
  [70, 80, 90],
  [100, 110, 120],
  [130, 140, 150],
  [255, 0, 128],
]
const RGBA = RGB.flatMap((pixel) => [...pixel, 255])
const plane = (channel: number): number[] => RGB.map((pixel) => pixel[channel]!)

/** On every page: what sources are made with. */
const HELPERS = `
  const { imageTensor, toImageData, tensor, told } = whittle
  const picture = (values = ${JSON.stringify(RGBA)}, width = 3) => new ImageData(Uint8ClampedArray.from(values), width)
  const drawn = (on = new OffscreenCanvas(1, 1), image = picture()) => {
    Object.assign(on, { width: image.width, height: image.height })
    on.getContext('2d').putImageData(image, 0, 0)
    return on
  }
  const shown = async (src, before = {}) => {
    const image = Object.assign(new Image(), before, { src })
    await image.decode()
    return image
  }
  const png = (canvas = drawn()) => canvas.convertToBlob({ type: 'image/png' })
  const filmed = async () => {
    const canvas = drawn(document.createElement('canvas'), picture(Array.from({ length: 64 * 64 }, () => [200, 100, 50, 255]).flat(), 64))
    const video = Object.assign(document.createElement('video'), { muted: true, srcObject: canvas.captureStream() })
    await video.play()
    if (video.readyState < 2) await new Promise((resolve) => video.addEventListener('loadeddata', resolve, { once: true }))
    return video
  }
`

/** What text gives on a page: a tensor or a picture as JSON, or what was thrown. */
async function give(body: string, on = page): Promise<any> {
  return on.evaluate(
    async ([helpers, text]) => {
      try {
        const given = await new Function(`${helpers}; return (async () => { ${text} })()`)()
        if (!given?.data) return given
        const { type, dims, data, width, height } = given
        return { type, dims, width, height, data: Array.from(data, Number), array: data.constructor.name }
      } catch (error) {
        return { error: (globalThis as any).whittle.told(error) }
      }
    },
    [HELPERS, body] as const,
  )
}

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
    const result = await page.evaluate(async () => {
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
    const other = await openPage(browser, host, () => {
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

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==', 'base64')

describe('imageTensor refuses', () => {
  test.each([
    [
      'an image that is not loaded yet',
      `return imageTensor(Object.assign(new Image(), { src: '/silent.onnx' }), SIZE)`,
      'IMAGE_EMPTY',
      'the HTMLImageElement has no pixels: it is not loaded yet; wait for image.decode()',
    ],
    [
      'an image that failed',
      `const image = new Image(); image.src = '/none.png'; await image.decode().catch(() => {}); return imageTensor(image, SIZE)`,
      'IMAGE_EMPTY',
      'its src is missing, failed to load, or is an SVG',
    ],
    [
      'a video without a frame',
      `return imageTensor(document.createElement('video'), SIZE)`,
      'IMAGE_EMPTY',
      `wait for its 'loadeddata' event`,
    ],
    [
      'an ImageBitmap that was closed',
      `const bitmap = await createImageBitmap(picture()); bitmap.close(); return imageTensor(bitmap, SIZE)`,
      'IMAGE_EMPTY',
      'the ImageBitmap has no pixels: it was closed',
    ],
    [
      'a VideoFrame that was closed',
      `const frame = new VideoFrame(drawn(), { timestamp: 0 }); frame.close(); return imageTensor(frame, SIZE)`,
      'IMAGE_EMPTY',
      'the VideoFrame has no pixels: it was closed',
    ],
    [
      'a canvas of no size',
      `return imageTensor(Object.assign(document.createElement('canvas'), { width: 0 }), SIZE)`,
      'IMAGE_EMPTY',
      'the HTMLCanvasElement has no pixels: its width or height is 0',
    ],
    [
      'a Blob that is no picture',
      `return imageTensor(new Blob(['no'], { type: 'image/png' }), SIZE)`,
      'IMAGE_INVALID',
      'the Blob of 2 bytes (image/png) is no picture',
    ],
    [
      'what is no source',
      `return imageTensor({}, SIZE)`,
      'IMAGE_INVALID',
      'expected ImageData, ImageBitmap, an image, video or canvas, VideoFrame or Blob, received Object',
    ],
    ['nothing', `return imageTensor(null, SIZE)`, 'IMAGE_INVALID', 'received null'],
    [
      'no options',
      `return imageTensor(picture())`,
      'IMAGE_OPTION',
      `expected [height, width] in whole pixels for the option 'size', received undefined`,
    ],
    ['half a pixel', `return imageTensor(picture(), { size: [1.5, 2] })`, 'IMAGE_OPTION', 'received [1.5, 2]'],
    [
      'a mean of two channels',
      `return imageTensor(picture(), { ...SIZE, mean: [0.5, 0.5] })`,
      'IMAGE_OPTION',
      `imageTensor: expected a finite number, or 3 (one a channel), for the option 'mean', received [0.5, 0.5]`,
    ],
    [
      'a mean of three for gray',
      `return imageTensor(picture(), { ...SIZE, channels: 'gray', mean: [0.5, 0.5, 0.5] })`,
      'IMAGE_OPTION',
      `expected a finite number for the option 'mean'`,
    ],
    [
      'a std of 0',
      `return imageTensor(picture(), { ...SIZE, std: [1, 0, 1] })`,
      'IMAGE_OPTION',
      `expected a finite number other than 0, or 3`,
    ],
    [
      'a scale of each channel',
      `return imageTensor(picture(), { ...SIZE, scale: [1, 1, 1] })`,
      'IMAGE_OPTION',
      `expected a finite number other than 0 for the option 'scale', received [1, 1, 1]`,
    ],
    [
      'mean beside scale',
      `return imageTensor(picture(), { ...SIZE, mean: 0.5, scale: 1 })`,
      'IMAGE_OPTION',
      `expected either 'mean' and 'std' or 'scale' and 'offset'`,
    ],
    ['mean of uint8', `return imageTensor(picture(), { ...SIZE, type: 'uint8', mean: 0.5 })`, 'IMAGE_OPTION', `type 'uint8'`],
    [
      'an unknown fit',
      `return imageTensor(picture(), { ...SIZE, fit: 'fill' })`,
      'IMAGE_OPTION',
      `expected 'stretch' or 'contain' or 'cover' for the option 'fit', received 'fill'`,
    ],
    ['an unknown layout', `return imageTensor(picture(), { ...SIZE, layout: 'CHW' })`, 'IMAGE_OPTION', `for the option 'layout'`],
    [
      'a colour by name',
      `return imageTensor(picture(), { ...SIZE, fill: 'red' })`,
      'IMAGE_OPTION',
      `expected [red, green, blue] from 0 to 255 for the option 'fill', received 'red'`,
    ],
  ])('%s', async (_, body, code, message) => {
    const { error } = await give(body.replaceAll('...SIZE', 'size: [2, 3]').replaceAll('SIZE', '{ size: [2, 3] }'))
    expect(error).toMatchObject({ name: 'RunError', code, message: expect.stringContaining(message) })
    expect(error.message).toMatch(/^imageTensor: /)
  })

  test('what is of another origin, and goes on with what is not', async () => {
    await page.route('http://other.test/**', (route) =>
      route.fulfill({
        body: PNG,
        contentType: 'image/png',
        headers: route.request().url().includes('open') ? { 'Access-Control-Allow-Origin': '*' } : {},
      }),
    )
    const tainted = await give(`return imageTensor(await shown('http://other.test/a.png'), { size: [1, 1] })`)
    expect(tainted.error).toMatchObject({ name: 'RunError', code: 'IMAGE_TAINTED', cause: { name: 'SecurityError' } })
    expect(tainted.error.message).toContain(`set crossOrigin = 'anonymous'`)
    const canvas = await give(`
      const canvas = document.createElement('canvas')
      canvas.getContext('2d').drawImage(await shown('http://other.test/a.png'), 0, 0)
      return imageTensor(canvas, { size: [1, 1] })`)
    expect(canvas.error).toMatchObject({ code: 'IMAGE_TAINTED' })
    const open = await give(
      `return imageTensor(await shown('http://other.test/open.png', { crossOrigin: 'anonymous' }), { size: [1, 1], type: 'uint8' })`,
    )
    expect(open).toMatchObject({ dims: [1, 3, 1, 1] })
    expect(
      await give(`return imageTensor(await createImageBitmap(picture()), { size: [2, 3], layout: 'NHWC', type: 'uint8' })`),
    ).toMatchObject({
      data: RGB.flat(),
    })
  })
})

describe('toImageData', () => {
  test.each([
    `{ size: [2, 3] }`,
    `{ size: [2, 3], layout: 'NHWC' }`,
    `{ size: [2, 3], channels: 'bgr' }`,
    `{ size: [2, 3], type: 'uint8', layout: 'NHWC', channels: 'bgr' }`,
    `{ size: [2, 3], mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }`,
    `{ size: [2, 3], channels: 'bgr', scale: 1 / 127.5, offset: -1 }`,
  ])('brings back what went in: %s', async (options) => {
    const body = `const options = ${options}; const { type, size, ...rest } = options; return toImageData(await imageTensor(picture(), options), rest)`
    expect(await give(body)).toMatchObject({ width: 3, height: 2, data: RGBA })
  })

  test('clamps, and makes black of NaN', async () => {
    const { data } = await give('return toImageData(tensor(Float32Array.of(-1, 2, NaN, Infinity, 0.5, 1), [1, 3, 1, 2]))')
    expect(data).toEqual([0, 0, 128, 255, 255, 255, 255, 255])
  })

  test.each([
    ['one channel is gray', 'toImageData(tensor(Float32Array.of(0, 0.2, 1), [1, 1, 1, 3]))', [0, 51, 255]],
    ['without a batch axis', `toImageData(tensor(Uint8Array.of(1, 2, 3), [1, 3, 1]), { layout: 'NHWC' })`, [1, 2, 3]],
    ['bool', `toImageData(tensor(Uint8Array.of(0, 1), [1, 1, 2], 'bool'))`, [0, 255]],
    ['float64', 'toImageData(tensor(Float64Array.of(1, 0), [1, 1, 1, 2]))', [255, 0]],
    ['the second of a batch', 'toImageData(tensor(Uint8Array.of(1, 2, 3, 4), [2, 1, 1, 2]), { index: 1 })', [3, 4]],
    // 0, 1, 0.2 (as near as 16 bits come), -0.5, the least number, an infinity.
    [
      'float16 as bits',
      `toImageData(tensor(Uint16Array.of(0, 0x3c00, 0x3266, 0xb800, 1, 0x7c00), [1, 1, 6], 'float16'))`,
      [0, 255, 51, 0, 0, 255],
    ],
  ])('%s', async (_, body, gray) => {
    expect((await give(`return ${body}`)).data).toEqual(gray.flatMap((value) => [value, value, value, 255]))
  })

  test.each([
    [
      'tensor(new Float32Array(84), [1, 21, 2, 2])',
      '{}',
      'IMAGE_TENSOR',
      'expected 1 or 3 channels, as in [N, C, H, W], received float32[1, 21, 2, 2]; of classes',
    ],
    ['tensor(new Float32Array(12), [1, 2, 2, 3])', '{}', 'IMAGE_TENSOR', 'or name another layout'],
    ['tensor(new Float32Array(4), [2, 2])', '{}', 'IMAGE_TENSOR', 'received float32[2, 2]'],
    ['tensor(new Float32Array(0), [1, 3, 0, 2])', '{}', 'IMAGE_TENSOR', 'received float32[1, 3, 0, 2]'],
    ['tensor(new BigInt64Array(4), [1, 1, 2, 2])', '{}', 'IMAGE_TENSOR', 'received int64; convert it first'],
    [
      'tensor(new Float32Array(4), [1, 1, 2, 2])',
      '{ index: 1 }',
      'IMAGE_OPTION',
      `expected a picture of float32[1, 1, 2, 2] for the option 'index', received 1`,
    ],
    ['tensor(new Float32Array(4), [1, 1, 2, 2])', '{ mean: [0, 0, 0] }', 'IMAGE_OPTION', `for the option 'mean'`],
  ])('refuses %s with %s', async (given, options, code, message) => {
    const { error } = await give(`return toImageData(${given}, ${options})`)
    expect(error).toMatchObject({ name: 'RunError', code, message: expect.stringContaining(message) })
    expect(error.message).toMatch(/^toImageData: /)
  })
})

import { describe, expect, test } from 'vitest'
import { RGB, pictures } from './pictures.ts'

const own = pictures()
const { give } = own

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
    await own.page.route('http://other.test/**', (route) =>
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

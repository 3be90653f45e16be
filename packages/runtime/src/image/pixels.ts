import { RunError, messageOf } from '../errors.ts'
import { nameOf } from '../tensor.ts'

/** A class of the platform, where its types have it: those of workers lack elements. */
type Class<Name extends string> = typeof globalThis extends { [K in Name]: { prototype: infer T } } ? T : never

/** What holds a picture. */
export type ImageSource =
  | Class<'ImageData'>
  | Class<'ImageBitmap'>
  | Class<'HTMLImageElement'>
  | Class<'HTMLVideoElement'>
  | Class<'HTMLCanvasElement'>
  | Class<'OffscreenCanvas'>
  | Class<'VideoFrame'>
  | Blob

/** Pixels of four bytes, red, green, blue and alpha (not multiplied in), row by row, in sRGB. */
export interface Pixels {
  readonly data: Uint8ClampedArray
  readonly width: number
  readonly height: number
}

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D

/** A canvas of more pixels is not kept for the next picture: 16 MB. */
const KEPT = 2 ** 22

let kept: Context | undefined

/**
 * The pixels of a source, in its own size: a canvas's resizing differs from browser to browser. All but a Blob is read before this returns, and
 * nothing that was given is closed.
 * @throws {RunError} IMAGE_INVALID, IMAGE_EMPTY, IMAGE_TAINTED.
 */
export async function pixelsOf(source: ImageSource): Promise<Pixels> {
  const kind = kindOf(source)
  if (kind !== 'Blob' && kind !== 'File') return read(source as Exclude<ImageSource, Blob>, kind)
  let bitmap: ImageBitmap
  try {
    bitmap = await createImageBitmap(source as Blob)
  } catch (cause) {
    const { size, type } = source as Blob
    throw new RunError(
      'IMAGE_INVALID',
      `imageTensor: the ${kind} of ${size} bytes${type && ` (${type})`} is no picture that this browser can decode: ${messageOf(cause)}; an SVG has to be shown in an <img> first`,
      { cause },
    )
  }
  try {
    return read(bitmap, 'ImageBitmap')
  } finally {
    bitmap.close()
  }
}

/** The class of an object, in whichever window it was made. */
function kindOf(source: unknown): string {
  return Object.prototype.toString.call(source).slice(8, -1)
}

function read(source: Exclude<ImageSource, Blob>, kind: string): Pixels {
  const [width, height, hint] = sizeOf(source, kind)
  if (!(width > 0 && height > 0)) throw new RunError('IMAGE_EMPTY', `imageTensor: the ${kind} has no pixels: ${hint}`)
  if (kind === 'ImageData') {
    const { data, colorSpace } = source as ImageData
    if (data.BYTES_PER_ELEMENT === 1 && colorSpace !== 'display-p3') return { data, width, height }
  }
  const context = contextOf(width, height)
  try {
    if (kind === 'ImageData') context.putImageData(source as ImageData, 0, 0)
    else context.drawImage(source as CanvasImageSource, 0, 0, width, height)
    const { data } = context.getImageData(0, 0, width, height)
    if (width * height > KEPT) kept = undefined
    return { data, width, height }
  } catch (cause) {
    // A canvas that may not be read stays so.
    kept = undefined
    if ((cause as Error | undefined)?.name === 'SecurityError')
      throw new RunError(
        'IMAGE_TAINTED',
        `imageTensor: the browser does not let this page read the ${kind}, since it is, or shows what is, of another origin; have that host send Access-Control-Allow-Origin, and set crossOrigin = 'anonymous' on the element before its src`,
        { cause },
      )
    throw new RunError('IMAGE_INVALID', `imageTensor: the ${width}x${height} ${kind} could not be read: ${messageOf(cause)}`, { cause })
  }
}

/** Width and height in pixels, and what it means when there are none. */
function sizeOf(source: Exclude<ImageSource, Blob>, kind: string): [width: number, height: number, hint: string] {
  switch (kind) {
    case 'HTMLImageElement': {
      const { complete, naturalWidth, naturalHeight } = source as HTMLImageElement
      if (!complete) return [0, 0, 'it is not loaded yet; wait for image.decode()']
      return [naturalWidth, naturalHeight, 'its src is missing, failed to load, or is an SVG without width and height']
    }
    case 'HTMLVideoElement': {
      const { readyState, videoWidth, videoHeight } = source as HTMLVideoElement
      const there = readyState >= 2
      return [there ? videoWidth : 0, there ? videoHeight : 0, `no frame is loaded yet; wait for its 'loadeddata' event`]
    }
    case 'VideoFrame': {
      const { displayWidth, displayHeight } = source as VideoFrame
      return [displayWidth, displayHeight, 'it was closed; read it before close()']
    }
    case 'ImageBitmap':
      return [(source as ImageBitmap).width, (source as ImageBitmap).height, 'it was closed, or handed on to a worker']
    case 'ImageData':
    case 'HTMLCanvasElement':
    case 'OffscreenCanvas':
      return [(source as ImageData).width, (source as ImageData).height, 'its width or height is 0']
    default:
      throw new RunError(
        'IMAGE_INVALID',
        `imageTensor: expected ImageData, ImageBitmap, an image, video or canvas, VideoFrame or Blob, received ${nameOf(source)}`,
      )
  }
}

/** A cleared canvas, the one that was used before where there is one. */
function contextOf(width: number, height: number): Context {
  kept ??= made()
  const { canvas } = kept
  if (canvas.width === width && canvas.height === height) kept.clearRect(0, 0, width, height)
  else Object.assign(canvas, { width, height })
  return kept
}

function made(): Context {
  const canvas = typeof OffscreenCanvas === 'undefined' ? document.createElement('canvas') : new OffscreenCanvas(1, 1)
  // Kept where it is read, beside the CPU.
  const context = canvas.getContext('2d', { willReadFrequently: true }) as Context | null
  if (!context) throw new RunError('IMAGE_INVALID', 'imageTensor: this browser gives no 2d context of a canvas to read pixels with')
  return context
}

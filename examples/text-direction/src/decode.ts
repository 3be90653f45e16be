import type { Picture } from './picture.ts'

/** Pictures larger than this are refused before their pixels are taken: a phone's camera gives 12 to 50 million. */
const MAX_PIXELS = 80e6

/** The pixels of a picture file, in their own size. @throws {Error} with a sentence for the user. */
export async function decode(file: Blob, name: string): Promise<Picture> {
  if (file.size === 0) throw new Error(`${name} is empty. Choose another picture.`)
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${name} is not a picture that this browser can read. Choose a PNG, JPEG or WebP file.`)
  })
  const { width, height } = bitmap
  try {
    if (width * height > MAX_PIXELS) throw new Error(`${name} is too large (${width} × ${height}). Crop it to one line of text.`)
    const context = new OffscreenCanvas(width, height).getContext('2d')
    if (!context) throw new Error('This browser gives no canvas to read pixels from.')
    context.drawImage(bitmap, 0, 0)
    return context.getImageData(0, 0, width, height)
  } finally {
    bitmap.close()
  }
}

/** Shows a picture on a canvas, one pixel to one. */
export function show(canvas: HTMLCanvasElement, picture: Picture): void {
  canvas.width = picture.width
  canvas.height = picture.height
  canvas.getContext('2d')?.putImageData(new ImageData(new Uint8ClampedArray(picture.data), picture.width, picture.height), 0, 0)
}

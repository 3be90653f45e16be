import type { Tensor } from '../tensor.ts'
import { linearOf, oneOf, wrongOption, type ChannelOrder, type ImageOptions, type Rgb } from './options.ts'
import { pixelsOf, type ImageSource } from './pixels.ts'
import { resample } from './resample.ts'

const FROM = 'imageTensor'

/** How much of red, green and blue is in each channel. */
const MIX: Record<ChannelOrder, readonly Rgb[]> = {
  rgb: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  bgr: [
    [0, 0, 1],
    [0, 1, 0],
    [1, 0, 0],
  ],
  gray: [[0.299, 0.587, 0.114]],
}

type Batch<S> = S extends readonly unknown[] ? S['length'] : 1
type Channels<O extends ImageOptions> = O extends { readonly channels: infer C extends string } ? (C extends 'gray' ? 1 : 3) : 3
type Type<O extends ImageOptions> = O extends { readonly type: infer T extends 'float32' | 'uint8' } ? T : 'float32'

/** The tensor that a source and options give: `Tensor<'float32', readonly [1, 3, 224, 224]>`. */
export type ImageTensor<S, O extends ImageOptions> = Tensor<
  Type<O>,
  O extends { readonly layout: 'NHWC' }
    ? readonly [Batch<S>, O['size'][0], O['size'][1], Channels<O>]
    : readonly [Batch<S>, Channels<O>, O['size'][0], O['size'][1]]
>

/**
 * The input of an image model: a picture in the size, order and range that the model takes, with a batch axis of 1, or of as many as there are
 * pictures in an array. What a source shows when this is called is what is taken (a Blob is decoded first), and no source is closed. Pictures
 * are scaled by a triangle filter that gives the same numbers in every browser. Works in pages and in workers.
 *
 * @param source `ImageData`, `ImageBitmap`, an image, video or canvas, `OffscreenCanvas`, `VideoFrame` or `Blob`; or an array of them.
 * @returns float32 from 0 to 1 where `mean`, `std`, `scale` and `offset` do not say otherwise, or uint8 from 0 to 255.
 * @throws {RunError} IMAGE_EMPTY (a source without pixels: not loaded yet, or closed), IMAGE_TAINTED (of another origin, and not to be read),
 * IMAGE_INVALID (no picture), IMAGE_OPTION.
 * @example
 * const image = await imageTensor(video, { size: [224, 224], fit: 'cover', mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] })
 */
export async function imageTensor<const S extends ImageSource | readonly ImageSource[], const O extends ImageOptions>(
  source: S,
  options: O,
): Promise<ImageTensor<S, O>> {
  const { size, fit = 'stretch', fill = [0, 0, 0], layout = 'NCHW', channels = 'rgb', type = 'float32' } = (options ?? {}) as ImageOptions
  if (!(Array.isArray(size) && size.length === 2 && size.every((length) => Number.isInteger(length) && length > 0)))
    throw wrongOption(FROM, 'size', '[height, width] in whole pixels', size)
  if (!(Array.isArray(fill) && fill.length === 3 && fill.every((value) => value >= 0 && value <= 255)))
    throw wrongOption(FROM, 'fill', '[red, green, blue] from 0 to 255', fill)
  oneOf(FROM, 'fit', ['stretch', 'contain', 'cover'], fit)
  oneOf(FROM, 'layout', ['NCHW', 'NHWC'], layout)
  oneOf(FROM, 'channels', ['rgb', 'bgr', 'gray'], channels)
  oneOf(FROM, 'type', ['float32', 'uint8'], type)
  const depth = MIX[channels].length
  const linear = linearOf(FROM, options, depth, type === 'uint8')

  const sources = (Array.isArray(source) ? source : [source]) as ImageSource[]
  const area = size[0] * size[1]
  const data = new (type === 'uint8' ? Uint8ClampedArray : Float32Array)(sources.length * depth * area)
  const [pixelStep, channelStep] = layout === 'NCHW' ? [1, area] : [depth, 1]
  await Promise.all(
    sources.map(async (one, index) => {
      const rgb = resample(await pixelsOf(one), size, fit, fill)
      MIX[channels].forEach(([red, green, blue], channel) => {
        const { scale, offset } = linear[channel]!
        let to = index * depth * area + channel * channelStep
        for (let at = 0; at < rgb.length; at += 3, to += pixelStep)
          data[to] = (red * rgb[at]! + green * rgb[at + 1]! + blue * rgb[at + 2]!) * scale + offset
      })
    }),
  )
  const dims = layout === 'NCHW' ? [sources.length, depth, ...size] : [sources.length, ...size, depth]
  return { type, data: type === 'uint8' ? new Uint8Array(data.buffer) : data, dims } as unknown as ImageTensor<S, O>
}

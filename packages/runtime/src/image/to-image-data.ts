import { RunError } from '../errors.ts'
import type { Tensor } from '../tensor.ts'
import { linearOf, oneOf, wrongOption, type PixelOptions } from './options.ts'

const FROM = 'toImageData'

/** Options of `toImageData`: as those of `imageTensor`, so that what went in that way comes back. */
export interface ImageDataOptions extends PixelOptions {
  /** Which picture of a batch. @default 0 */
  readonly index?: number | undefined
}

/**
 * The picture that a tensor holds, opaque, in the tensor's own size; values below 0 and above 255 are clamped, and NaN is black. Undoes `mean`
 * and `std` or `scale` and `offset`. Without them float is from 0 to 1, uint8 from 0 to 255, bool black or white. A tensor of one channel is
 * gray, whatever `channels` says.
 *
 * @param tensor float16, float32, float64, uint8 or bool; `[N, C, H, W]` or `[C, H, W]`, with C last in `NHWC`. C is 1 or 3.
 * @throws {RunError} IMAGE_TENSOR where the tensor is no picture; IMAGE_OPTION.
 * @example context.putImageData(toImageData(outputs.upscaled), 0, 0)
 */
export function toImageData(tensor: Tensor, options: ImageDataOptions = {}): ImageData {
  const { layout = 'NCHW', channels = 'rgb', index = 0 } = options
  oneOf(FROM, 'layout', ['NCHW', 'NHWC'], layout)
  oneOf(FROM, 'channels', ['rgb', 'bgr', 'gray'], channels)
  const { type, dims } = tensor
  const [batch, ...axes] = dims.length === 3 ? [1, ...dims] : dims
  const [depth, height, width] = layout === 'NCHW' ? axes : [axes[2], axes[0], axes[1]]
  const shown = `${type}[${dims.join(', ')}]`
  if (axes.length !== 3 || !(depth === 1 || (depth === 3 && channels !== 'gray')) || !(height! > 0 && width! > 0))
    throw new RunError(
      'IMAGE_TENSOR',
      `${FROM}: expected ${channels === 'gray' ? '1 channel' : '1 or 3 channels'}, as in ${layout === 'NCHW' ? '[N, C, H, W]' : '[N, H, W, C]'}, received ${shown}; of classes or scores choose one a pixel first, or name another layout`,
    )
  if (!(Number.isInteger(index) && index >= 0 && index < batch!)) throw wrongOption(FROM, 'index', `a picture of ${shown}`, index)
  const bytes = type === 'uint8'
  const linear = linearOf(FROM, options, depth, bytes)
  const values = numbersOf(tensor)

  const area = height! * width!
  const data = new Uint8ClampedArray(area * 4)
  const [pixelStep, channelStep] = layout === 'NCHW' ? [1, area] : [depth, 1]
  for (let pixel = 0; pixel < area; pixel++) {
    for (let colour = 0; colour < 3; colour++) {
      const channel = depth === 1 ? 0 : channels === 'bgr' ? 2 - colour : colour
      const { scale, offset } = linear[channel]!
      data[pixel * 4 + colour] = (values(index * depth * area + pixel * pixelStep + channel * channelStep) - offset) / scale
    }
    data[pixel * 4 + 3] = 255
  }
  return new ImageData(data, width!, height!)
}

/** The elements of a tensor, each as a number. */
function numbersOf({ type, data }: Tensor): (at: number) => number {
  if (!/^(float(16|32|64)|uint8|bool)$/.test(type))
    throw new RunError('IMAGE_TENSOR', `${FROM}: expected float16, float32, float64, uint8 or bool, received ${type}; convert it first`)
  const numbers = data as Float32Array
  return type === 'float16' && data instanceof Uint16Array ? (at) => half(numbers[at]!) : (at) => numbers[at]!
}

/** A number of its 16 bits, as in IEEE 754. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  const size =
    exponent === 31 ? (fraction ? NaN : Infinity) : exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024)
  return bits & 0x8000 ? -size : size
}

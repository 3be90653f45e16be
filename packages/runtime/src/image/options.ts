import { RunError } from '../errors.ts'

export type Layout = 'NCHW' | 'NHWC'
export type ChannelOrder = 'rgb' | 'bgr' | 'gray'
export type Fit = 'stretch' | 'contain' | 'cover'

/** A colour: red, green and blue, each from 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number]

/** How the numbers of a tensor stand for pixels. */
export interface PixelOptions {
  /** Order of the axes: channels before or after height and width. @default 'NCHW' */
  readonly layout?: Layout | undefined
  /** Order of the colours, or one channel of luma (0.299 red, 0.587 green, 0.114 blue, as in ITU-R BT.601). @default 'rgb' */
  readonly channels?: ChannelOrder | undefined
  /** Taken from each channel, in units of 0..1, in the order of `channels`; one number is for all. As torchvision's `Normalize`. @default 0 */
  readonly mean?: number | readonly number[] | undefined
  /** What each channel is then divided by, in units of 0..1. @default 1 */
  readonly std?: number | readonly number[] | undefined
  /** In place of `mean` and `std`: what a channel of 0..255 is multiplied by. @default 1 / 255 */
  readonly scale?: number | undefined
  /** In place of `mean` and `std`: what is then added. @default 0 */
  readonly offset?: number | undefined
}

/** Options of `imageTensor`. */
export interface ImageOptions extends PixelOptions {
  /** What the model takes, in pixels. */
  readonly size: readonly [height: number, width: number]
  /**
   * How a picture of another shape is made to fit: `stretch` changes its shape, `contain` shows all of it on a ground of `fill`, `cover` cuts
   * off what is over. The last two are centred. @default 'stretch'
   */
  readonly fit?: Fit | undefined
  /** The ground that `contain` leaves free, and on which pictures that are not opaque are laid. @default [0, 0, 0] */
  readonly fill?: Rgb | undefined
  /** `uint8` has 0..255 as they are, and takes neither `mean`, `std`, `scale` nor `offset`. @default 'float32' */
  readonly type?: 'float32' | 'uint8' | undefined
}

/** Of each channel: `value = pixel * scale + offset`, with pixels from 0 to 255. */
export interface Linear {
  readonly scale: number
  readonly offset: number
}

/** An option that is not one: what it is, what is expected, what was given. */
export function wrongOption(from: string, option: string, expected: string, given: unknown): RunError {
  const shown = Array.isArray(given) ? `[${given.join(', ')}]` : typeof given === 'string' ? `'${given}'` : String(given)
  return new RunError('IMAGE_OPTION', `${from}: expected ${expected} for the option '${option}', received ${shown}`)
}

/** @throws {RunError} IMAGE_OPTION where a value is none of those that an option has. */
export function oneOf<T extends string>(from: string, option: string, values: readonly T[], given: T): T {
  if (!values.includes(given)) throw wrongOption(from, option, values.map((value) => `'${value}'`).join(' or '), given)
  return given
}

/**
 * What the options make of each channel's pixels.
 * @throws {RunError} IMAGE_OPTION where `mean` or `std` are not one number or one a channel, or stand beside `scale` or `offset`.
 */
export function linearOf(from: string, { mean, std, scale, offset }: PixelOptions, channels: number, identity: boolean): Linear[] {
  const given = Object.entries({ mean, std, scale, offset }).filter(([, value]) => value !== undefined)
  const [first] = given
  if (identity && first) throw wrongOption(from, first[0], `nothing beside type 'uint8', which has 0..255 as they are,`, first[1])
  const other = given.find(([name]) => name === 'scale' || name === 'offset')
  if (other && (mean ?? std) !== undefined)
    throw wrongOption(from, other[0], `either 'mean' and 'std' or 'scale' and 'offset', so nothing`, other[1])
  for (const [name, value] of given) {
    const perChannel = name === 'mean' || name === 'std'
    const all = perChannel && Array.isArray(value) ? (value as number[]) : [value as number]
    const divides = name === 'std' || name === 'scale'
    if (
      !all.every((item) => Number.isFinite(item) && !(divides && item === 0)) ||
      (Array.isArray(value) && !(perChannel && all.length === channels))
    ) {
      const what = `${divides ? 'a finite number other than 0' : 'a finite number'}`
      throw wrongOption(from, name, perChannel && channels > 1 ? `${what}, or ${channels} (one a channel),` : what, value)
    }
  }
  const at = (value: number | readonly number[] | undefined, channel: number, none: number): number =>
    typeof value === 'object' ? value[channel]! : (value ?? none)
  return Array.from({ length: channels }, (_, channel) => {
    if (other) return { scale: scale ?? 1 / 255, offset: offset ?? 0 }
    if (identity) return { scale: 1, offset: 0 }
    const deviation = at(std, channel, 1)
    return { scale: 1 / (255 * deviation), offset: -at(mean, channel, 0) / deviation }
  })
}

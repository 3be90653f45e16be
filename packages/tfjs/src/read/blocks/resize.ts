import type { AttributeLike, Dim, Value } from '@whittle/ir'
import { Tensor } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'
import { channelsFirst } from './window.ts'

/** How TensorFlow resizes pictures. */
export interface ResizeOptions {
  readonly method: 'nearest' | 'bilinear'
  readonly alignCorners?: boolean
  readonly halfPixel?: boolean
}

/** Enlarges height and width by whole numbers. */
export function upsample(e: Emitter, x: Value, factors: readonly [number, number], isLast: boolean, options: ResizeOptions): Value {
  if (factors.some((factor) => factor < 1)) throw e.fail(`a picture cannot be enlarged ${factors.join(' x ')} times`)
  const scales = e.derived(`scales_${factors.join('_')}`, `scales ${factors.join()}`, () => Tensor.float32([4], [1, 1, ...factors]))
  return channelsFirst(e, x, isLast, (first) => e.node('Resize', [first, undefined, scales], modeOf(options)))
}

/** Resizes to a height and width: known numbers, or a tensor of two where the model computes them. */
export function resize(e: Emitter, x: Value, size: Value, options: ResizeOptions): Value {
  if (e.rank(x) !== 4) throw e.refuse(`resizing a tensor of ${e.rank(x)} dimensions; pictures have 4`)
  const known = e.known(size)
  const [height, width]: readonly Dim[] = e.shape(x).slice(1, 3)
  if (known?.length === 2 && typeof height === 'number' && typeof width === 'number') {
    const factors = [known[0]! / height, known[1]! / width] as const
    if (factors.every((factor) => Number.isInteger(factor) && factor >= 1)) return upsample(e, x, factors, true, options)
  }
  const type = e.type(x)
  const floats = type === 'float32' ? x : e.cast(x, 'float32')
  const resized = channelsFirst(e, floats, true, (first) =>
    e.node('Resize', [first, undefined, undefined, e.int64(size)], { ...modeOf(options), axes: [2, 3] }),
  )
  return resized
}

function modeOf({ method, alignCorners, halfPixel }: ResizeOptions): Record<string, AttributeLike> {
  const coordinates = alignCorners ? 'align_corners' : halfPixel ? 'half_pixel' : 'asymmetric'
  if (method === 'bilinear') return { mode: 'linear', coordinate_transformation_mode: coordinates }
  // TensorFlow.js rounds half up with aligned corners, and cuts the centre of a pixel down without.
  return {
    mode: 'nearest',
    coordinate_transformation_mode: coordinates,
    nearest_mode: alignCorners || halfPixel ? 'round_prefer_ceil' : 'floor',
  }
}

import type { AttributeLike } from '@whittle/ir'
import type { Lowering } from '../lowering.ts'
import type { Row } from './row.ts'

const resize = (mode: 'linear' | 'nearest', options: string): Row => ({
  options,
  lower(l) {
    const { op } = l
    const input = op.input(0)
    const size = l.int64(op.input(1))
    const [aligned, half] = [op.flag('alignCorners'), op.flag('halfPixelCenters')]
    const attributes: Record<string, AttributeLike> = {
      mode,
      coordinate_transformation_mode: aligned ? 'align_corners' : half ? 'half_pixel' : 'asymmetric',
      // TensorFlow cuts the pixel's place down, and rounds half up where it lies on a centre.
      ...(mode === 'nearest' ? { nearest_mode: aligned || half ? 'round_prefer_ceil' : 'floor' } : {}),
    }
    l.give(op.output(), l.node('Resize', sizesOf(l, input, size), known(l) ? attributes : { ...attributes, axes: [2, 3] }), 'first')
  },
})

function known(l: Lowering): boolean {
  return l.constant(l.op.input(1)) !== undefined && l.rank(l.op.input(0)) === 4 && l.dims(l.op.input(0)).every((dim) => dim >= 0)
}

/** All four sizes where they are known, which more back ends take. */
function sizesOf(l: Lowering, input: number, size: ReturnType<Lowering['int64']>): Parameters<Lowering['node']>[1] {
  const value = l.first(input)
  if (!known(l)) return [value, undefined, undefined, size]
  const [height, width] = l.numbers(l.op.input(1), 'size')
  return [value, undefined, undefined, l.ints([l.fixed(input, 0), l.fixed(input, 3), height!, width!])]
}

export const resizeRows: Readonly<Record<string, Row>> = {
  RESIZE_BILINEAR: resize('linear', 'ResizeBilinearOptions'),
  RESIZE_NEAREST_NEIGHBOR: resize('nearest', 'ResizeNearestNeighborOptions'),
}

import type { Dim, Node } from '../graph.ts'
import { inputAxis, outputAxis, pairs } from './axes/link.ts'
import { exactDivDims, fixedShape } from './dim.ts'
import type { Facts, OpRow } from './row.ts'
import { MOST_DIMS, axisFromFront } from './rules.ts'

/** Pictures: decoding, cropping, sampling, regions. */

function inferCenterCropPad(node: Node, facts: Facts): void {
  const [shape, target] = [facts.shape(0), facts.content(1)]
  const axes = shape && (node.ints('axes')?.map((axis) => axisFromFront(axis, shape.length, facts)) ?? shape.map((_, axis) => axis))
  facts.set(
    0,
    facts.type(0),
    shape?.map((dim, axis) => (axes!.includes(axis) ? (target?.[axes!.indexOf(axis)] ?? facts.fresh(0, axis)) : dim)),
  )
}

/** Columns `[N, C*block, L]` to pictures `[N, C, image...]`. */
function inferCol2Im(_node: Node, facts: Facts): void {
  const [shape, image, block] = [facts.shape(0), facts.content(1), fixedShape(facts.content(2))]
  const axes = image?.length ?? facts.shape(1)?.[0]
  if (!shape || typeof axes !== 'number' || axes > MOST_DIMS) return facts.set(0, facts.type(0), undefined)
  const spatial = image ?? Array.from({ length: axes }, (_, axis): Dim => facts.fresh(0, axis + 2))
  const size = block?.reduce((product, dim) => product * dim, 1)
  const channels = size === undefined ? undefined : exactDivDims(shape[1]!, size)
  facts.set(0, facts.type(0), [shape[0]!, channels ?? facts.fresh(0, 1), ...spatial])
}

/** The grid's places are read from the input: `[N, C, in...]` and `[N, out..., rank]`. */
function inferGridSample(_node: Node, facts: Facts): void {
  const [input, grid] = [facts.shape(0), facts.shape(1)]
  facts.set(0, facts.type(0), input && grid && [input[0]!, input[1]!, ...grid.slice(1, -1)])
}

export const imageRows: readonly OpRow[] = [
  {
    type: 'ImageDecoder',
    infer: (node, facts) =>
      facts.set(0, 'uint8', [facts.fresh(0, 0), facts.fresh(0, 1), node.string('pixel_format', 'RGB') === 'Grayscale' ? 1 : 3]),
  },
  { type: 'CenterCropPad', infer: inferCenterCropPad },
  { type: 'Col2Im', infer: inferCol2Im },
  {
    type: 'GridSample',
    infer: inferGridSample,
    axes: () => ({ links: [[inputAxis(0, 0), inputAxis(1, 0), outputAxis(0, 0)], ...pairs([[1, 1]])] }),
  },
  { type: 'com.microsoft.GridSample', infer: inferGridSample },
  {
    type: 'AffineGrid',
    infer(_node, facts) {
      const size = facts.content(1)
      facts.set(0, facts.type(0), size && [size[0]!, ...size.slice(2), size.length - 2])
    },
  },
  {
    type: 'RoiAlign',
    infer(node, facts) {
      const [input, rois] = [facts.shape(0), facts.shape(1)]
      facts.set(0, facts.type(0), input && rois && [rois[0]!, input[1]!, node.int('output_height', 1), node.int('output_width', 1)])
    },
  },
  {
    type: 'MaxRoiPool',
    infer(node, facts) {
      const [input, rois, pooled] = [facts.shape(0), facts.shape(1), node.ints('pooled_shape')]
      facts.set(0, facts.type(0), input && rois && pooled && [rois[0]!, input[1]!, ...pooled])
    },
  },
  {
    type: 'com.microsoft.CropAndResize',
    infer(_node, facts) {
      const [input, rois, size] = [facts.shape(0), facts.shape(1), facts.content(3)]
      const at = (index: number): Dim => size?.[index] ?? facts.fresh(0, index + 2)
      facts.set(0, facts.type(0), input && rois && [rois[0]!, input[1]!, at(0), at(1)])
    },
  },
]

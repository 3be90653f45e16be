import { type Node, Tensor } from '@whittle/ir'
import type { Attributes } from '../run/program.ts'
import { fuseActivation } from './activation.ts'
import { type Stored, permutedWeight } from './stored.ts'
import { type ProgramWriter, type Ref, unsupported } from './writer.ts'

/** Padding, strides and dilations of a window over two axes; of one axis: over a picture one row high. */
export function windowOf(node: Node, spatial: number): Record<string, Attributes[string] | undefined> {
  const pair = (numbers: number[] | undefined): number[] | undefined => (numbers && spatial === 1 ? [1, ...numbers] : numbers)
  const unlessAll = (numbers: number[] | undefined, all: number): number[] | undefined =>
    numbers?.every((number) => number === all) ? undefined : numbers
  const auto = node.string('auto_pad', 'NOTSET')
  if (auto === 'SAME_LOWER') throw unsupported(`${node.describe()} pads the odd element before (SAME_LOWER)`)
  const pads = auto === 'NOTSET' ? node.ints('pads') : undefined
  return {
    pad: auto === 'SAME_UPPER' ? 'same' : undefined,
    pads: unlessAll(pads && spatial === 1 ? [0, pads[0]!, 0, pads[1]!] : pads, 0),
    strides: unlessAll(pair(node.ints('strides')), 1),
    dilations: unlessAll(pair(node.ints('dilations')), 1),
  }
}

/** Conv with constant kernels: dense, depthwise, or in groups (each by itself), over one or two axes. */
export function conv(writer: ProgramWriter, node: Node): void {
  const [x, kernel, bias] = node.inputs
  const tensor = kernel?.tensor
  if (!tensor || (bias && !bias.tensor)) throw unsupported(`the kernels of ${node.describe()} are not constant`)
  const spatial = tensor.dims.length - 2
  if (spatial !== 1 && spatial !== 2) throw unsupported(`${node.describe()} goes over ${spatial} axes`)
  const stored: Stored = { tensor, quantization: kernel.quantization }
  const group = node.int('group', 1)
  const [features, depth] = tensor.dims as [number, number]
  const { attributes: fused, output } = fuseActivation(writer, node.output)
  const attributes = { ...windowOf(node, spatial), ...fused }
  const input = asPicture(writer, writer.last(x!), spatial)
  const biasOf = (begin: number, end: number): Ref | null =>
    bias ? writer.weight(bias.name, Tensor.float32([end - begin], bias.tensor!.toFloat32().subarray(begin, end))) : null
  let result: Ref
  if (group === 1 || (depth === 1 && features % group === 0)) {
    const depthwise = group > 1
    // [M, C, h, w] becomes [h, w, C, M]; where each channel has kernels of its own, [C*M, 1, h, w] becomes [h, w, C, M].
    const moved = permutedWeight(stored, spatial === 1 ? [2, 1, 0] : [2, 3, 1, 0])
    const window = spatial === 1 ? [1, tensor.dims[2]!] : tensor.dims.slice(2)
    const dims = [...window, ...(depthwise ? [group, features / group] : [depth, features])]
    const filter = writer.weight(kernel.name, moved.tensor, dims, moved.quantization)
    result = writer.emit(depthwise ? 'FusedDepthwiseConv2D' : 'FusedConv2D', [input, filter, biasOf(0, features)], attributes)
  } else {
    const each = features / group
    const parts = Array.from({ length: group }, (_, at) => {
      const begin = at * each
      const part = permutedWeight(
        { tensor: rows(tensor, begin, begin + each), quantization: undefined },
        spatial === 1 ? [2, 1, 0] : [2, 3, 1, 0],
      )
      const window = spatial === 1 ? [1, tensor.dims[2]!] : tensor.dims.slice(2)
      const filter = writer.weight(kernel.name, part.tensor, [...window, depth, each])
      const channels = writer.emit('Slice', [input], { axis: 3, begin: at * depth, end: (at + 1) * depth })
      return writer.emit('FusedConv2D', [channels, filter, biasOf(begin, begin + each)], attributes)
    })
    result = writer.emit('Concat', parts, { axis: 3 })
  }
  writer.give(output, asSignal(writer, result, spatial), 'last')
}

/** ConvTranspose whose windows do not overlap: each element becomes a block. */
export function convTranspose(writer: ProgramWriter, node: Node): void {
  const [x, kernel, bias] = node.inputs
  const tensor = kernel?.tensor
  if (!tensor || (bias && !bias.tensor)) throw unsupported(`the kernels of ${node.describe()} are not constant`)
  const [depth, features, height, width] = tensor.dims as [number, number, number, number]
  const strides = node.ints('strides') ?? [1, 1]
  const plain = (name: string, value: number): boolean => (node.ints(name) ?? []).every((number) => number === value)
  const blocks = height === width && strides.every((stride) => stride === height) && plain('pads', 0) && plain('output_padding', 0)
  if (tensor.dims.length !== 4 || !blocks || !plain('dilations', 1) || node.int('group', 1) !== 1 || node.attributes.has('output_shape'))
    throw unsupported(`${node.describe()} has windows that overlap, padding or groups`)
  // [C, M, h, w] becomes [1, 1, C, h*w*M]: a convolution of one element, whose channels are then spread out.
  const moved = permutedWeight({ tensor, quantization: kernel.quantization }, [0, 2, 3, 1])
  const filter = writer.weight(kernel.name, moved.tensor, [1, 1, depth, height * width * features], moved.quantization)
  const { attributes, output } = fuseActivation(writer, node.output)
  const repeated = bias && Float32Array.from({ length: height * width * features }, (_, at) => bias.tensor!.toFloat32()[at % features]!)
  const biases = bias ? writer.weight(bias.name, Tensor.float32([repeated!.length], repeated!)) : null
  const spread = writer.emit('FusedConv2D', [writer.last(x!), filter, biases], attributes)
  writer.give(output, writer.emit('DepthToSpace', [spread], { block: height }), 'last')
}

/** Some of a kernel's output channels. */
function rows(tensor: Tensor, begin: number, end: number): Tensor {
  const size = tensor.size / tensor.dims[0]!
  return Tensor.float32([end - begin, ...tensor.dims.slice(1)], tensor.toFloat32().subarray(begin * size, end * size))
}

/** A signal [N, W, C] as a picture [N, 1, W, C], and back. */
export function asPicture(writer: ProgramWriter, ref: Ref, spatial: number): Ref {
  return spatial === 1 ? writer.emit('ExpandDims', [ref], { axes: [1] }) : ref
}

export function asSignal(writer: ProgramWriter, ref: Ref, spatial: number): Ref {
  return spatial === 1 ? writer.emit('Squeeze', [ref], { axes: [1] }) : ref
}

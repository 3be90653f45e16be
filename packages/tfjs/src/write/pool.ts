import type { Node, Value } from '@whittle/ir'
import { asPicture, asSignal, windowOf } from './conv.ts'
import { type ProgramWriter, unsupported } from './writer.ts'

/** MaxPool and AveragePool over one or two axes. */
export function pool(writer: ProgramWriter, node: Node): void {
  const x = node.inputs[0]!
  const spatial = writer.rank(x) - 2
  if (spatial !== 1 && spatial !== 2) throw unsupported(`${node.describe()} goes over ${spatial} axes`)
  if (node.outputs[1]) throw unsupported(`${node.describe()} gives indices`)
  const kernel = node.ints('kernel_shape')!
  const window = windowOf(node, spatial)
  const ceil = node.int('ceil_mode', 0) === 1 || undefined
  let input = asPicture(writer, writer.last(x), spatial)
  const pads = window['pads'] as number[] | undefined
  const average = node.type === 'AveragePool'
  if (average && window['dilations']) throw unsupported(`${node.describe()} is dilated`)
  if (average && pads && node.int('count_include_pad', 0) === 1) {
    if (ceil) throw unsupported(`${node.describe()} counts its padding and rounds up`)
    const [top, left, bottom, right] = pads as [number, number, number, number]
    input = writer.emit('PadV2', [input], { pads: [0, top, left, 0, 0, bottom, right, 0] })
    delete window['pads']
  }
  const full = spatial === 1 ? [1, ...kernel] : kernel
  // XNNPACK refuses windows of one element; with a stride they would pick elements.
  if (full.every((size) => size === 1) && window['strides']) throw unsupported(`${node.describe()} picks single elements`)
  const result = writer.emit(average ? 'AvgPool' : 'MaxPool', [input], { kernel: full, ...window, ceil })
  writer.give(node.output, asSignal(writer, result, spatial), 'last')
}

/** GlobalAveragePool and GlobalMaxPool. */
export function globalPool(writer: ProgramWriter, node: Node): void {
  const x = node.inputs[0]!
  wholePicture(writer, node.type === 'GlobalMaxPool' ? 'MaxPool' : 'AvgPool', x, node.output)
}

/** What a pool over all of a picture, or of a signal, gives. */
export function wholePicture(writer: ProgramWriter, kernel: 'AvgPool' | 'MaxPool', x: Value, output: Value): void {
  const spatial = writer.rank(x) - 2
  if (spatial !== 1 && spatial !== 2) throw unsupported(`'${output.name}' is pooled over ${spatial} axes`)
  const result = writer.emit(kernel, [asPicture(writer, writer.last(x), spatial)])
  writer.give(output, asSignal(writer, result, spatial), 'last')
}

import type { Moments } from './low-rank.ts'
import type { Matrix } from './matrix.ts'

/** The kernel of a layer, [outputs, inputs, extents...]; a matrix has no extents, nor has an embedding table, whose inputs are its entries. */
export interface Kernel {
  readonly outputs: number
  readonly inputs: number
  readonly extents: readonly number[]
  /** Along the axis of each extent, positions of the input for one of the output. */
  readonly steps: readonly number[]
}

/** A layer's kernel and what it is multiplied with. */
export interface Problem {
  readonly kernel: Kernel
  /** outputs x (inputs times taps). */
  readonly weights: Matrix
  /** Of the inputs times taps. */
  readonly moments?: Moments | undefined
}

/** One of the layers that take the place of one: [outputs, inputs, extents...]. */
export interface Stage {
  readonly dims: readonly number[]
  readonly data: Float64Array
}

/** What takes the place of a layer. */
export interface Solution {
  /** In the order in which they are computed. */
  readonly stages: readonly Stage[]
  /** What they amount to, in the form of the weights that they stand for. */
  readonly dense: Matrix
}

export type FormName = 'matrix' | 'output' | 'channel' | 'spatial'

/** One way to write a layer as several of lower rank. */
export interface Form {
  readonly name: FormName
  /** The largest ranks: one number, or two. */
  readonly full: readonly number[]
  /** The dims of the stages, in order. */
  dims(ranks: readonly number[]): number[][]
  /** Share of what the layer gives that is lost, as far as the spectra tell. */
  lost(ranks: readonly number[]): number
  /** The stages. @param now the layer as it is now, with other weights or moments; by default as it was looked at. */
  solve(ranks: readonly number[], now?: Problem): Solution
}

export function product(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a * b, 1)
}

/**
 * Which of several convolutions moves along an axis of a kernel, and so has its stride, padding and dilation: the one that is as long along it; the first
 * where the kernel has no length there.
 * @param extents of each stage.
 */
export function bearer(extents: readonly (readonly number[])[], { extents: whole }: Kernel, axis: number): number {
  return whole[axis] === 1 ? 0 : extents.findIndex((own) => own[axis] === whole[axis])
}

/** Weights, and multiply-accumulates for each output position: a stage before a stride has more positions than the output. */
export function costOf(dims: readonly (readonly number[])[], kernel: Kernel): { parameters: number; macs: number } {
  const extents = dims.map((own) => own.slice(2))
  const bearers = kernel.extents.map((_, axis) => bearer(extents, kernel, axis))
  let [parameters, macs] = [0, 0]
  dims.forEach((own, stage) => {
    parameters += product(own)
    macs += product(own) * product(kernel.steps.filter((_, axis) => bearers[axis]! > stage))
  })
  return { parameters, macs }
}

import type { Siblings } from './dependencies.ts'
import type { KernelAxis } from './kernel-axes.ts'

/**
 * How much each component of a set matters by the size of its weights: the share that it has of the squares in each kernel that makes or reads it, on
 * average (Li et al. 2017, "Pruning filters for efficient ConvNets", over all that is tied).
 * @returns a number for each component, their sum being 1, or 0 where all weights are zero.
 */
export function magnitudes({ components }: Siblings, kernels: readonly KernelAxis[]): Float64Array {
  const scores = new Float64Array(components.length)
  for (const { weight, axis } of kernels) {
    const squares = squaresAlong(weight.tensor.toFloat32(), weight.tensor.dims, axis.axis)
    const own = components.map(({ indices }) => indices.get(axis)!.reduce((sum, index) => sum + squares[index]!, 0))
    const total = own.reduce((a, b) => a + b, 0)
    if (total > 0) own.forEach((square, at) => (scores[at]! += square / total / kernels.length))
  }
  return scores
}

/** The sum of squares at each index of an axis. */
function squaresAlong(data: Float32Array, dims: readonly number[], axis: number): Float64Array {
  const squares = new Float64Array(dims[axis]!)
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1)
  for (let at = 0; at < data.length; at++) squares[Math.floor(at / inner) % squares.length]! += data[at]! ** 2
  return squares
}

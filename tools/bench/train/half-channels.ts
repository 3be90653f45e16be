import { type Model, Tensor } from '@whittle/ir'
import { CHANNELS, fashionNetwork } from './network.ts'

/** Half of the channels of each convolution of {@link fashionNetwork}: those whose kernels have the greatest sums of magnitudes (Li et al. 2017). */
export function halfOfChannels(model: Model): Model {
  const student = fashionNetwork('student', [...CHANNELS.map((count) => count / 2)])
  const tensorOf = (name: string): Tensor => [...model.graph.initializers].find((value) => value.name === name)!.tensor!
  let kept: number[] = [0]
  for (const index of CHANNELS.keys()) {
    const [kernel, bias] = [tensorOf(`conv${index + 1}.kernel`), tensorOf(`conv${index + 1}.bias`)]
    const inputs = kept
    kept = strongest(kernel)
    put(student, `conv${index + 1}.kernel`, along(along(kernel, 0, kept), 1, inputs))
    put(student, `conv${index + 1}.bias`, along(bias, 0, kept))
  }
  const head = tensorOf('head.kernel')
  const [places, classes] = [head.dims[0]! / CHANNELS.at(-1)!, head.dims[1]!]
  const rows = along(Tensor.float32([CHANNELS.at(-1)!, places * classes], head.toFloat32()), 0, kept)
  put(student, 'head.kernel', Tensor.float32([kept.length * places, classes], rows.toFloat32()))
  put(student, 'head.bias', tensorOf('head.bias'))
  return student
}

function put({ graph }: Model, name: string, tensor: Tensor): void {
  graph.setTensor(
    [...graph.initializers].find((value) => value.name === name)!,
    tensor,
  )
}

function strongest(kernel: Tensor): number[] {
  const [outputs] = kernel.dims
  const each = kernel.size / outputs!
  const values = kernel.toFloat32()
  const sums = Array.from({ length: outputs! }, (_, at) =>
    values.subarray(at * each, (at + 1) * each).reduce((sum, value) => sum + Math.abs(value), 0),
  )
  const order = [...sums.keys()].sort((a, b) => sums[b]! - sums[a]!)
  return order.slice(0, outputs! / 2).sort((a, b) => a - b)
}

/** The parts of a tensor at some places of an axis. */
function along(tensor: Tensor, axis: number, places: readonly number[]): Tensor {
  const { dims } = tensor
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1)
  const outer = dims.slice(0, axis).reduce((product, dim) => product * dim, 1)
  const values = tensor.toFloat32()
  const parts: number[] = []
  for (let at = 0; at < outer; at++)
    for (const place of places) parts.push(...values.subarray((at * dims[axis]! + place) * inner, (at * dims[axis]! + place + 1) * inner))
  return Tensor.float32(
    dims.map((dim, index) => (index === axis ? places.length : dim)),
    parts,
  )
}

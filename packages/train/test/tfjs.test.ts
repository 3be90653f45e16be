import { createRequire } from 'node:module'
import { Tensor, type Tensors, type Value, createRandom } from '@whittle/ir'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { expect, it } from 'vitest'
import { gradients } from '../src/index.ts'
import { open } from './harness.ts'

/** What is used of TensorFlow.js: its kernels, those of gradients among them. Its CommonJS build does not register which op has which. */
interface TensorFlow {
  setBackend(name: string): Promise<boolean>
  tensor(data: ArrayLike<number>, shape: readonly number[]): Given
  engine(): { runKernel(name: string, inputs: Record<string, Given>, attributes: object): Given }
}
interface Given {
  shape: number[]
  dataSync(): ArrayLike<number>
}
type Run = (kernel: string, inputs: Record<string, Given>) => Given
type Dims = readonly number[]

interface Comparison {
  /** `[N, H, W, C]` */
  x: Dims
  /** `[H, W, I, O]`; depthwise `[H, W, C, 1]`. */
  kernel?: Dims
  /** To ONNX's order. */
  kernelPerm?: number[]
  attributes: object
  forward: string
  /** From names of our gradients to their kernels. */
  backward: Record<string, string>
  ours: (b: GraphBuilder, x: Value, kernel: Value | undefined) => Value
}

const same = { auto_pad: 'SAME_UPPER', strides: [2, 2] }
const theirs = { strides: [2, 2], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1], filterSize: [3, 3] }

const comparisons: Record<string, Comparison> = {
  Conv: {
    x: [2, 7, 6, 3],
    kernel: [3, 3, 3, 4],
    kernelPerm: [3, 2, 0, 1],
    attributes: theirs,
    forward: 'Conv2D',
    backward: { x: 'Conv2DBackpropInput', kernel: 'Conv2DBackpropFilter' },
    ours: (b, x, kernel) => b.node('Conv', [x, kernel], same),
  },
  'depthwise Conv': {
    x: [2, 7, 6, 3],
    kernel: [3, 3, 3, 1],
    kernelPerm: [2, 3, 0, 1],
    attributes: theirs,
    forward: 'DepthwiseConv2dNative',
    backward: { x: 'DepthwiseConv2dNativeBackpropInput', kernel: 'DepthwiseConv2dNativeBackpropFilter' },
    ours: (b, x, kernel) => b.node('Conv', [x, kernel], { ...same, group: 3 }),
  },
  MaxPool: {
    x: [2, 7, 6, 3],
    attributes: theirs,
    forward: 'MaxPool',
    backward: { x: 'MaxPoolGrad' },
    ours: (b, x) => b.node('MaxPool', [x], { ...same, kernel_shape: [3, 3] }),
  },
}

it.each(Object.entries(comparisons))('%s has the gradients that TensorFlow.js computes', async (name, comparison) => {
  const { x, kernel, kernelPerm, attributes, forward, backward, ours } = comparison
  const require = createRequire(import.meta.url)
  const tf = require('@tensorflow/tfjs-core') as TensorFlow
  require('@tensorflow/tfjs-backend-cpu')
  await tf.setBackend('cpu')
  const run: Run = (op, inputs) => tf.engine().runKernel(op, inputs, { ...attributes, inputShape: x, filterShape: kernel })
  const random = createRandom(name)
  const draw = (dims: Dims): Tensor =>
    Tensor.float32(
      dims,
      Array.from({ length: dims.reduce((a, b) => a * b) }, () => random.normal()),
    )
  const load = (tensor: Tensor): Given => tf.tensor(tensor.toFloat32(), tensor.dims)
  const inputs: Tensors = kernel ? { x: draw(x), kernel: draw(kernel) } : { x: draw(x) }
  const given = { x: load(inputs.x!), ...(inputs.kernel ? { filter: load(inputs.kernel) } : {}) }
  const output = run(forward, given)
  const functional = draw(output.shape)
  const all = { ...given, input: given.x, output, dy: load(functional) }

  const model = buildModel((b) => {
    const picture = b.node('Transpose', [b.input('x', [...x])], { perm: [0, 3, 1, 2] })
    const weights = kernel && b.node('Transpose', [b.input('kernel', [...kernel])], { perm: kernelPerm! })
    const last = b.node('Transpose', [ours(b, picture, weights)], { perm: [0, 2, 3, 1] })
    b.output(b.node('ReduceSum', [b.node('Mul', [last, b.constant('functional', functional)])], { keepdims: 0 }), 'loss')
  })
  const session = await open(gradients(model, { loss: 'loss', wrt: Object.keys(inputs) }).model)
  const results = await session.run(inputs)
  await session.dispose()
  for (const [input, op] of Object.entries(backward)) {
    const wanted = Array.from(run(op, all).dataSync())
    const largest = Math.max(...wanted.map(Math.abs))
    const off = results[`${input}_gradient`]!.toNumbers().map((item, index) => Math.abs(item - wanted[index]!) / largest)
    expect(off).toHaveLength(wanted.length)
    expect(Math.max(...off), input).toBeLessThan(1e-5)
  }
})

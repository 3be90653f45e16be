import { type AttributeLike, Model, Tensor, type Value, createRandom, inferShapes } from '@whittle/ir'

/** Channels of the three convolutions. */
export const CHANNELS = [16, 32, 64] as const

/** Places that are left of a picture behind two poolings. */
const PLACES = 7 * 7
const CLASSES = 10

/**
 * A small convolutional network for Fashion-MNIST, untrained: `image[N,1,28,28]` to `logits[N,10]`, three convolutions of 3x3, the first two
 * pooled, and one product. Weights are normal numbers by He et al. 2015, biases zero.
 */
export function fashionNetwork(seed: string, channels: readonly number[] = CHANNELS): Model {
  const model = new Model('fashion')
  const { graph } = model
  const random = createRandom(seed)
  const node = (op: string, inputs: Value[], attributes: Record<string, AttributeLike>, name: string): Value =>
    graph.addNode({ op, inputs, attributes, outputs: [name] }).output
  const kernel = (name: string, dims: readonly number[], inputs: number): Value => {
    const size = dims.reduce((product, dim) => product * dim, 1)
    const deviation = Math.sqrt(2 / inputs)
    return graph.addInitializer(
      name,
      Tensor.float32(
        dims,
        Float32Array.from({ length: size }, () => deviation * random.normal()),
      ),
    )
  }
  const bias = (name: string, size: number): Value => graph.addInitializer(name, Tensor.float32([size], new Float32Array(size)))

  let value = graph.addInput('image', 'float32', ['N', 1, 28, 28])
  let before = 1
  for (const [index, after] of channels.entries()) {
    const layer = `conv${index + 1}`
    const inputs = [value, kernel(`${layer}.kernel`, [after, before, 3, 3], 9 * before), bias(`${layer}.bias`, after)]
    value = node('Relu', [node('Conv', inputs, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }, `${layer}.sum`)], {}, `${layer}.out`)
    if (index < 2) value = node('MaxPool', [value], { kernel_shape: [2, 2], strides: [2, 2] }, `${layer}.pool`)
    before = after
  }
  const features = node('Flatten', [value], { axis: 1 }, 'features')
  const head = [features, kernel('head.kernel', [before * PLACES, CLASSES], before * PLACES), bias('head.bias', CLASSES)]
  graph.addOutput(node('Gemm', head, {}, 'logits'))
  inferShapes(model)
  return model
}

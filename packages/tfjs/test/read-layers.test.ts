import { describe, expect, it } from 'vitest'
import { expectSame, opsOf, tf } from './read-oracle.ts'

const { layers } = tf
type Config = Record<string, unknown>

/** A model of one layer. */
function one(name: string, config: Config, inputShape: (number | null)[]): ReturnType<typeof tf.sequential> {
  const model = tf.sequential()
  model.add(layers[name]!({ ...config, inputShape }))
  return model
}

const same = (title: string, name: string, config: Config, shape: (number | null)[]): void => {
  it(title, async () => {
    await expectSame(one(name, config, shape), { [`${name}_dim1`]: 7 })
  })
}

describe('convolutions', () => {
  for (const padding of ['same', 'valid'])
    for (const strides of [1, 2, 3]) {
      same(
        `conv2d, ${padding}, strides ${strides}`,
        'conv2d',
        { filters: 4, kernelSize: [3, 2], strides, padding, activation: 'relu' },
        [8, 7, 3],
      )
      same(
        `depthwise, ${padding}, strides ${strides}`,
        'depthwiseConv2d',
        { kernelSize: 3, strides, padding, depthMultiplier: 2 },
        [8, 7, 3],
      )
      same(`transposed, ${padding}, strides ${strides}`, 'conv2dTranspose', { filters: 4, kernelSize: 2, strides, padding }, [5, 4, 3])
      same(
        `transposed 3, ${padding}, strides ${strides}`,
        'conv2dTranspose',
        { filters: 4, kernelSize: 3, strides, padding, useBias: false },
        [5, 4, 3],
      )
      same(`separable, ${padding}, strides ${strides}`, 'separableConv2d', { filters: 4, kernelSize: 3, strides, padding }, [8, 7, 3])
      same(`conv1d, ${padding}, strides ${strides}`, 'conv1d', { filters: 4, kernelSize: 3, strides, padding }, [9, 3])
    }
  same('dilated', 'conv2d', { filters: 4, kernelSize: 3, dilationRate: 2, padding: 'same' }, [8, 7, 3])
  same('channels first', 'conv2d', { filters: 4, kernelSize: 3, padding: 'same', dataFormat: 'channelsFirst' }, [3, 8, 7])
  same('conv3d', 'conv3d', { filters: 4, kernelSize: 3, strides: 2, padding: 'same' }, [6, 5, 4, 3])
  same('conv3d transposed', 'conv3dTranspose', { filters: 2, kernelSize: 3, strides: 2, padding: 'same' }, [3, 4, 3, 2])
})

describe('a free height and width', () => {
  const free: [string, Config][] = [
    ['conv2d', { filters: 4, kernelSize: 3, strides: 2, padding: 'same' }],
    ['depthwiseConv2d', { kernelSize: 3, strides: 2, padding: 'same' }],
    ['conv2dTranspose', { filters: 4, kernelSize: 3, strides: 2, padding: 'same' }],
    ['maxPooling2d', { poolSize: 3, strides: 2, padding: 'same' }],
    ['averagePooling2d', { poolSize: 3, strides: 2, padding: 'same' }],
    ['globalAveragePooling2d', {}],
  ]
  for (const [name, config] of free)
    it(`of ${name}`, async () => {
      for (const size of [7, 8])
        await expectSame(one(name, { name: 'c', ...config }, [null, null, 3]), { c_input_dim1: size, c_input_dim2: size + 1 })
    })
})

describe('poolings', () => {
  for (const padding of ['same', 'valid'])
    for (const kind of ['max', 'average']) {
      same(`${kind} 1d ${padding}`, `${kind}Pooling1d`, { poolSize: 3, strides: 2, padding }, [8, 3])
      same(`${kind} 2d ${padding}`, `${kind}Pooling2d`, { poolSize: [3, 2], strides: [2, 1], padding }, [8, 7, 3])
      same(`${kind} 3d ${padding}`, `${kind}Pooling3d`, { poolSize: 2, padding }, [5, 4, 5, 3])
    }
  same('without strides', 'maxPooling2d', { poolSize: 2 }, [8, 7, 3])
  for (const name of ['globalAveragePooling1d', 'globalMaxPooling1d']) same(name, name, {}, [5, 3])
  for (const name of ['globalAveragePooling2d', 'globalMaxPooling2d']) same(name, name, {}, [5, 4, 3])
})

describe('core layers', () => {
  same('dense', 'dense', { units: 5, activation: 'softmax' }, [4])
  same('dense of sequences', 'dense', { units: 5, activation: 'tanh' }, [3, 4])
  same('dense without a bias', 'dense', { units: 5, useBias: false }, [4])
  same('flatten', 'flatten', {}, [3, 4, 2])
  same('reshape', 'reshape', { targetShape: [2, -1] }, [3, 4])
  same('permute', 'permute', { dims: [3, 1, 2] }, [3, 4, 2])
  same('repeat', 'repeatVector', { n: 3 }, [4])
  same('dropout', 'dropout', { rate: 0.5 }, [4])
  same('noise', 'gaussianNoise', { stddev: 0.5 }, [4])
  same('gaussian dropout', 'gaussianDropout', { rate: 0.5 }, [4])
  same('alpha dropout', 'alphaDropout', { rate: 0.5 }, [4])
  same('spatial dropout', 'spatialDropout1d', { rate: 0.5 }, [4, 3])
  same('rescaling', 'rescaling', { scale: 0.5, offset: -1 }, [4, 3, 2])
  it('embedding', async () => {
    const [input, inputs] = [tf.input({ shape: [4], name: 'x', dtype: 'int32' }), { inputDim: 12, outputDim: 3 }]
    await expectSame(tf.model({ inputs: input, outputs: layers['embedding']!(inputs).apply(input) }))
  })
})

describe('normalizations', () => {
  for (const shape of [[4], [5, 4], [3, 5, 4]]) same(`batch, of ${shape.length + 1} dimensions`, 'batchNormalization', {}, shape)
  same('batch without scale', 'batchNormalization', { scale: false, epsilon: 0.01 }, [3, 5, 4])
  same('batch without centre', 'batchNormalization', { center: false }, [3, 5, 4])
  same('layer', 'layerNormalization', {}, [5, 4])
  same('layer along two axes', 'layerNormalization', { axis: [1, 2], epsilon: 0.1 }, [5, 4])
})

describe('activations', () => {
  const names = ['elu', 'selu', 'relu', 'relu6', 'sigmoid', 'hardSigmoid', 'softplus', 'softsign', 'tanh', 'softmax', 'logSoftmax']
  for (const activation of [...names, 'swish', 'mish', 'gelu', 'gelu_new', 'linear']) same(activation, 'activation', { activation }, [5, 4])
  same('ReLU', 'reLU', {}, [5])
  same('ReLU with a limit', 'reLU', { maxValue: 0.5 }, [5])
  same('LeakyReLU', 'leakyReLU', { alpha: 0.2 }, [5])
  same('PReLU', 'prelu', {}, [3, 5])
  same('PReLU with shared axes', 'prelu', { sharedAxes: [1, 2] }, [3, 4, 5])
  same('ELU', 'elu', {}, [5])
  same('ThresholdedReLU', 'thresholdedReLU', { theta: 0.4 }, [5])
  same('Softmax', 'softmax', { axis: -1 }, [3, 5])
})

describe('pictures', () => {
  same('zero padding', 'zeroPadding2d', { padding: [[1, 2], [0, 3]] }, [3, 4, 2]) // prettier-ignore
  same('cropping', 'cropping2D', { cropping: [[1, 0], [0, 2]] }, [4, 5, 2]) // prettier-ignore
  same('nearest', 'upSampling2d', { size: [2, 3] }, [3, 4, 2])
  same('bilinear', 'upSampling2d', { size: [2, 3], interpolation: 'bilinear' }, [3, 4, 2])
})

describe('recurrent layers', () => {
  for (const name of ['lstm', 'gru', 'simpleRNN']) {
    for (const returnSequences of [false, true])
      for (const goBackwards of [false, true])
        same(
          `${name}, ${returnSequences}, ${goBackwards}`,
          name,
          { units: 4, recurrentInitializer: 'zeros', returnSequences, goBackwards },
          [5, 3],
        )
    same(
      `${name} with other activations`,
      name,
      { units: 4, recurrentInitializer: 'zeros', activation: 'relu', recurrentActivation: 'sigmoid' },
      [5, 3],
    )
    same(`${name} without a bias`, name, { units: 4, recurrentInitializer: 'zeros', useBias: false }, [5, 3])
    for (const mergeMode of ['concat', 'sum', 'ave', 'mul'])
      it(`${name} in both directions, ${mergeMode}`, async () => {
        for (const returnSequences of [false, true]) {
          const layer = layers[name]!({ units: 4, recurrentInitializer: 'zeros', returnSequences })
          await expectSame(one('bidirectional', { layer, mergeMode }, [5, 3]))
        }
      })
  }
  it('states that are given out and in', async () => {
    const input = tf.input({ shape: [5, 3], name: 'x' })
    const states = ['h', 'c'].map((name) => tf.input({ shape: [4], name }))
    const outputs = layers['lstm']!({ units: 4, recurrentInitializer: 'zeros', returnState: true }).apply([input, ...states])
    await expectSame(tf.model({ inputs: [input, ...states], outputs }))
  })
  it('a dense layer and a convolution at each step', async () => {
    await expectSame(one('timeDistributed', { layer: layers['dense']!({ units: 4 }) }, [5, 3]))
    await expectSame(one('timeDistributed', { layer: layers['conv2d']!({ filters: 2, kernelSize: 2 }) }, [5, 4, 4, 3]))
  })
})

describe('merging', () => {
  const two = (name: string, config: Config, a: number[], b = a): Promise<unknown> => {
    const inputs = [tf.input({ shape: a, name: 'a' }), tf.input({ shape: b, name: 'b' })]
    return expectSame(tf.model({ inputs, outputs: layers[name]!(config).apply(inputs) }))
  }
  for (const name of ['add', 'multiply', 'average', 'maximum', 'minimum']) it(name, () => two(name, {}, [3, 4]))
  it('add of two ranks', () => two('add', {}, [3, 4], [4]))
  it('concatenate', () => two('concatenate', { axis: 2 }, [3, 4], [3, 2]))
  it('dot of vectors', () => two('dot', { axes: 1 }, [4]))
  it('dot of vectors, normalized', () => two('dot', { axes: 1, normalize: true }, [4]))
  it('dot of matrices', () => two('dot', { axes: [2, 1] }, [3, 4], [4, 5]))
})

describe('models', () => {
  it('a layer that is called twice has its weights once', async () => {
    const inputs = [tf.input({ shape: [4], name: 'a' }), tf.input({ shape: [4], name: 'b' })]
    const dense = layers['dense']!({ units: 3, name: 'shared' })
    const outputs = layers['concatenate']!().apply(inputs.map((input) => dense.apply(input)))
    const own = await expectSame(tf.model({ inputs, outputs }))
    expect([...own.initializers()].map(({ name }) => name)).toEqual(['shared/kernel', 'shared/bias'])
  })

  it('models in models', async () => {
    const inner = tf.sequential({ name: 'inner' })
    inner.add(layers['dense']!({ units: 3, inputShape: [4], activation: 'relu' }))
    inner.add(layers['dense']!({ units: 2 }))
    const input = tf.input({ shape: [4] })
    const middle = tf.input({ shape: [2] })
    const functional = tf.model({ inputs: middle, outputs: layers['dense']!({ units: 5 }).apply(middle) }) as unknown as {
      apply(x: unknown): unknown
    }
    const outputs = functional.apply((inner as unknown as { apply(x: unknown): unknown }).apply(input))
    await expectSame(tf.model({ inputs: input, outputs }))
    const outer = tf.sequential()
    outer.add(inner)
    outer.add(layers['dense']!({ units: 2 }))
    await expectSame(outer)
  })

  it('an input that is also an output', async () => {
    const input = tf.input({ shape: [4], name: 'x' })
    await expectSame(tf.model({ inputs: input, outputs: [input, layers['dense']!({ units: 2 }).apply(input)] }))
  })

  it('a picture classifier keeps two Transposes at its head and none at its end', async () => {
    const input = tf.input({ shape: [16, 16, 3], name: 'picture' })
    let x = input
    const then = (name: string, config: Config, ...more: unknown[]): unknown =>
      (x = layers[name]!(config).apply(more.length > 0 ? [x, ...more] : x))
    then('zeroPadding2d', { padding: 1 })
    const skip = then('conv2d', { filters: 8, kernelSize: 3, strides: 2, useBias: false })
    then('batchNormalization', {})
    then('reLU', { maxValue: 6 })
    then('depthwiseConv2d', { kernelSize: 3, padding: 'same' })
    then('batchNormalization', {})
    then('activation', { activation: 'swish' })
    const gate = then('globalAveragePooling2d', {})
    x = layers['reshape']!({ targetShape: [1, 1, 8] }).apply(gate)
    then('conv2d', { filters: 2, kernelSize: 1, activation: 'relu' })
    then('conv2d', { filters: 8, kernelSize: 1, activation: 'sigmoid' })
    then('multiply', {}, skip)
    then('concatenate', {}, skip)
    then('prelu', { sharedAxes: [1, 2] })
    then('maxPooling2d', { poolSize: 2, padding: 'same' })
    then('conv2d', { filters: 8, kernelSize: 1 })
    then('globalAveragePooling2d', {})
    then('dense', { units: 4, recurrentInitializer: 'zeros', activation: 'softmax' })
    const own = await expectSame(tf.model({ inputs: input, outputs: x }))
    expect(opsOf(own).filter((op) => op === 'Transpose')).toHaveLength(1)
  })
})

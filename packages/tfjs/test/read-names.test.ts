import { expect, it } from 'vitest'
import { type Artifacts, compare, read, saved, tf, toTf } from './read-oracle.ts'
import { noise } from './read-graph-oracle.ts'

const { layers } = tf
const recurrentInitializer = 'zeros'

/** Renames the weights in the manifest, as other writers name them. */
function renamed({ json, weights }: Artifacts, name: (own: string) => string): Artifacts {
  const copy = structuredClone(json) as { weightsManifest: { weights: { name: string }[] }[] }
  for (const spec of copy.weightsManifest[0]!.weights) spec.name = name(spec.name)
  return { json: copy as never, weights }
}

it('weights go by the names that Keras writes', async () => {
  const model = tf.sequential()
  model.add(
    layers['bidirectional']!({
      layer: layers['lstm']!({ units: 3, returnSequences: true, recurrentInitializer }),
      inputShape: [4, 2],
      name: 'both',
    }),
  )
  model.add(layers['gru']!({ units: 3, returnSequences: true, recurrentInitializer, name: 'gru' }))
  model.add(layers['timeDistributed']!({ layer: layers['dense']!({ units: 2, name: 'inner' }), name: 'steps' }))
  const artifacts = await saved(model)
  const x = noise([1, 4, 2])
  const expected = [model.predict(toTf(x))] as never
  const keras = renamed(artifacts, (own) => {
    const parts = own.split('/')
    const cell = own.startsWith('both') ? ['lstm_cell_1'] : own.startsWith('gru') ? ['gru_cell'] : []
    return `model/${[...parts.slice(0, -1), ...cell, parts.at(-1)!].join('/')}:0`
  })
  const own = read(keras)
  await compare(own, { [own.graph.inputs[0]!.name]: x }, expected)
})

it('of layers of one name in two models within the model, each has its own weights', async () => {
  const part = (name: string): ReturnType<typeof tf.sequential> => {
    const model = tf.sequential({ name })
    model.add(layers['dense']!({ units: 3, inputShape: [3], name: `${name}_dense` }))
    return model
  }
  const model = tf.sequential()
  for (const name of ['left', 'right']) model.add(part(name))
  const artifacts = await saved(model)
  const x = noise([2, 3])
  const expected = [model.predict(toTf(x))] as never
  const text = JSON.stringify(artifacts.json).replaceAll('left_dense', 'dense').replaceAll('right_dense', 'dense')
  let index = 0
  const same = renamed({ ...artifacts, json: JSON.parse(text) as never }, (own) => `${index++ < 2 ? 'left' : 'right'}/${own}`)
  const own = read(same)
  await compare(own, { [own.graph.inputs[0]!.name]: x }, expected)
  index = 0
  const unclear = renamed({ ...artifacts, json: JSON.parse(text) as never }, (own) => `part${index++ < 2 ? 1 : 2}/${own}`)
  expect(() => read(unclear)).toThrow(/several that may be its 'kernel'/)
})

it('the inputs and outputs of several are in the order of the model, and names that are taken get a suffix', async () => {
  const inputs = ['a', 'b'].map((name) => tf.input({ shape: [3], name }))
  const outputs = ['y', 'z'].map((name, index) => layers['dense']!({ units: 2, name }).apply(inputs[1 - index]))
  const own = read(await saved(tf.model({ inputs, outputs: [...outputs, outputs[0]] })))
  expect(own.graph.inputs.map(({ name }) => name)).toEqual(['a', 'b'])
  expect(own.graph.outputs.map(({ name }) => name)).toEqual(['y', 'z', 'y_1'])
})

it('a normalization along an inner axis is one along the last of the turned tensor', async () => {
  const x = noise([2, 3, 5, 4])
  const input = tf.input({ shape: [3, 5, 4] })
  const turned = layers['permute']!({ dims: [1, 3, 2] }).apply(input)
  const normal = layers['batchNormalization']!({ name: 'bn' }).apply(turned)
  const twin = tf.model({ inputs: input, outputs: layers['permute']!({ dims: [1, 3, 2] }).apply(normal) })
  const { weights } = await saved(twin)
  const inner = tf.sequential()
  // TensorFlow.js's plain back end reads the moments along the last axis, whatever the layer says.
  inner.add(layers['batchNormalization']!({ name: 'bn', axis: 2, inputShape: [3, 5, 4] }))
  const { json } = await saved(inner)
  const own = read({ json, weights })
  await compare(own, { [own.graph.inputs[0]!.name]: x }, [twin.predict(toTf(x))] as never)
})

it('ten thousand layers are read in seconds', () => {
  const nodes = Array.from({ length: 10_000 }, (_, index) => ({
    name: `n${index}`,
    op: index % 2 ? 'Relu' : 'Transpose',
    input: [index ? `n${index - 1}` : 'x', ...(index % 2 ? [] : ['p'])],
  }))
  const json = {
    format: 'graph-model',
    modelTopology: {
      node: [
        { name: 'x', op: 'Placeholder', attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: [{ size: '2' }, { size: '3' }] } } } },
        { name: 'p', op: 'Const' },
        ...nodes,
      ],
    },
    weightsManifest: [{ paths: ['w'], weights: [{ name: 'p', shape: [2], dtype: 'int32' }] }],
  }
  const start = performance.now()
  read({ json, weights: new Uint8Array(Int32Array.of(1, 0).buffer) })
  expect(performance.now() - start).toBeLessThan(10_000)
})

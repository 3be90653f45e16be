// A training step of a model in TensorFlow.js on its plain CPU backend: `node tfjs-steps.js FOLDER`, bundled beforehand by tfjs.ts. FOLDER and
// the lines are those of torch-steps.py. Covers the ops of the network of network.ts, channels last.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import * as tf from '@tensorflow/tfjs-core'

const [folder] = process.argv.slice(2)
const model = JSON.parse(readFileSync(path.join(folder, 'model.json'), 'utf8'))
const bytes = readFileSync(path.join(folder, 'values.bin'))
const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)

const tensor = ({ at, dims }) => tf.tensor(values.slice(at, at + dims.reduce((product, dim) => product * dim, 1)), dims)

await tf.setBackend('cpu')
const parameters = Object.fromEntries(
  Object.entries(model.weights).map(([name, place]) => {
    const given = tensor(place)
    return [name, tf.variable(place.dims.length === 4 ? tf.transpose(given, [2, 3, 1, 0]) : given)]
  }),
)
const images = tf.transpose(tensor(model.images), [0, 2, 3, 1])
const labels = tf.tensor1d(model.labels, 'int32')
const optimizer = tf.train.adam(1e-4)

const ops = {
  Conv: ([x, kernel, bias]) => tf.add(tf.conv2d(x, kernel, 1, 'same'), bias),
  Relu: ([x]) => tf.relu(x),
  MaxPool: ([x], { kernel_shape, strides }) => tf.maxPool(x, kernel_shape, strides, 'valid'),
  Flatten: ([x]) => tf.reshape(x, [x.shape[0], -1]),
  Gemm: ([x, kernel, bias]) => tf.add(tf.matMul(x, kernel), bias),
}

const loss = () => {
  const known = { ...parameters, [model.input]: images }
  for (const { op, inputs, output, attributes } of model.nodes)
    known[output] = ops[op](
      inputs.map((name) => known[name]),
      attributes,
    )
  const logits = known[model.logits]
  return tf.losses.softmaxCrossEntropy(tf.oneHot(labels, logits.shape[1]), logits)
}

console.log('ready')
for await (const _ of createInterface({ input: process.stdin })) {
  const began = performance.now()
  const { value, grads } = tf.variableGrads(loss)
  const between = performance.now()
  optimizer.applyGradients(grads)
  const ended = performance.now()
  tf.dispose([value, grads])
  console.log(JSON.stringify({ run: between - began, step: ended - began }))
}

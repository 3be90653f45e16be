import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Tensor } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { blocks, buildModel, fixture } from '@whittle/testing'
import { tfjsShards } from '@whittle/tfjs'
import { matrix, normal, type MatrixModel } from './matrix.ts'

/** Silero's voice activity detector: recurrent, its layers in the branches of an If; each frame is given the state that the one before left. */
const voice: MatrixModel = {
  file: 'voice.onnx',
  files: {
    'voice.onnx': readFileSync(fixture('voice')),
    // Sizes that its first convolution takes, and a rate that it knows, cannot be guessed from the file.
    'frames.ts': `
      import { createRandom, defineDataset, Tensor } from '@whittle/ir'
      const random = createRandom('frames')
      const noise = (dims, size, scale) => Tensor.float32(dims, Float32Array.from({ length: size }, () => scale * random.normal()))
      const frames = Array.from({ length: 4 }, () => ({
        inputs: { input: noise([1, 576], 576, 0.1), state: noise([2, 1, 128], 256, 0.3), sr: Tensor.int64([], [16000]) },
      }))
      export default defineDataset({ key: 'frames', length: 4, async *samples() { yield* frames } })
    `,
  },
  query: 'calibrate=./frames.ts',
  formats: ['int8'],
  without: {
    tfjs: 'it has no control flow',
    'webnn-cpu': 'it needs fixed sizes, and those of one rate do not fit the branch for the other',
  },
  wrong: {
    webgpu:
      'https://github.com/microsoft/onnxruntime/issues/29651: Conv larger than 1x1 of channels that 3 divides and 4 does not, to channels that 4 divides',
  },
  runs: (random) =>
    Array.from({ length: 3 }, (_, frame) => {
      const sound = Tensor.float32(
        [1, 576],
        normal(random, [1, 576])
          .toFloat32()
          .map((value) => 0.1 * value),
      )
      const given = { input: sound, sr: Tensor.int64([], [16000]) }
      return frame === 0 ? { ...given, state: Tensor.float32([2, 1, 128], new Float32Array(256)) } : given
    }),
  carry: { stateN: 'state' },
}

/** Embeddings and attention: ids of words to one vector. */
const encoder: MatrixModel = {
  file: 'encoder.onnx',
  files: {
    'encoder.onnx': writeOnnx(
      buildModel((b) => {
        const words = b.node('Gather', [b.weight('table', [40, 16], 1), b.input('ids', ['N', 8], 'int64')])
        const mixed = blocks.attention(b, blocks.attention(b, words, 16), 16)
        b.output(b.node('ReduceMean', [mixed, b.constant('axis', Tensor.int64([1], [1]))], { keepdims: 0 }), 'sentence')
      }, 'encoder'),
    ),
  },
  query: 'input=1x8',
  formats: ['int8'],
  runs: (random) => [
    {
      ids: Tensor.int64(
        [1, 8],
        Array.from({ length: 8 }, () => random.integer(40)),
      ),
    },
  ],
}

/** An LSTM in both directions. */
const recurrent: MatrixModel = {
  file: 'recurrent.onnx',
  files: {
    'recurrent.onnx': writeOnnx(buildModel((b) => void b.output(blocks.lstm(b, b.input('x', [5, 'N', 8]), 8, 16), 'y'), 'recurrent')),
  },
  query: 'input=5x1x8',
  formats: ['int8'],
  without: { tfjs: 'it has no recurrent layers' },
  runs: (random) => [{ x: normal(random, [5, 1, 8]) }],
}

/** MTCNN's second network, a TensorFlow Lite model. */
const faces: MatrixModel = {
  file: 'faces.tflite',
  files: { 'faces.tflite': readFileSync(fixture('faces')) },
  query: 'input=1x24x24x3',
  formats: ['int8'],
  runs: (random) => [{ 'rnet/input': normal(random, [1, 24, 24, 3]) }],
}

/** MediaPipe's BlazeFace for front cameras, whole: depthwise convolutions, weights stored in float16, and two outputs. */
const blazeface: MatrixModel = {
  file: 'blazeface.tflite',
  files: { 'blazeface.tflite': readFileSync(fixture('blazeface')) },
  query: 'input=1x128x128x3',
  formats: ['int8'],
  runs: (random) => [{ input: normal(random, [1, 128, 128, 3]) }],
}

/** ESRGAN-slim, a TensorFlow.js layers model. */
const upscaler: MatrixModel = {
  file: 'upscaler/model.json',
  files: Object.fromEntries(
    ['model.json', ...tfjsShards(readFileSync(fixture('upscaler'), 'utf8'))].map((file) => [
      `upscaler/${file}`,
      readFileSync(path.join(path.dirname(fixture('upscaler')), file)),
    ]),
  ),
  query: 'input=1x8x8x3',
  formats: ['int8'],
  runs: (random) => [{ LR: normal(random, [1, 8, 8, 3]) }],
}

/** Models of other kinds, and of other files. */
matrix({ voice, encoder, recurrent, faces, blazeface, upscaler })

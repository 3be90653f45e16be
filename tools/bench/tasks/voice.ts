import { readFileSync } from 'node:fs'
import { nativeEngine } from '@whittle/engine'
import { type Dataset, type Sample, Tensor, type Tensors, defineDataset } from '@whittle/ir'
import { fixture } from '@whittle/testing/fixture'
import { RATE, speak } from './speech.ts'
import type { Run, Task } from './task.ts'

const FILE = fixture('voice')

/** Samples of a frame, and those before it that the model sees too. */
const [FRAME, CONTEXT] = [512, 64]

/** Frames of an utterance: 4.1 seconds. */
const FRAMES = 128

/** A frame is speech where its probability is more than this. */
const THRESHOLD = 0.5

/** Silero's voice activity detector, version 5, on drawn speech, its state carried from frame to frame: the same decision as fp32's. */
export const voice: Task = {
  name: 'voice',
  file: FILE,
  calibration: frames(24),
  evaluation: utterances,
  accuracy: 'decisions as fp32',
  samples: 160,
  // Samples in all: random inputs of sizes that its first convolution takes cannot be guessed from the file.
  forms: ['int8', 'fp16', 'bits=6', 'bits=5', 'int4'].map((format) => `${format}&calibrate=task`),
  answer: async (run, sample) => ({ output: await probabilities(run, sample.inputs['sound']!.toFloat32()) }),
  score(outputs, _, original) {
    const [ours, theirs] = [outputs, original].map(({ output }) => output!.toFloat32())
    return { correct: ours!.filter((value, at) => value > THRESHOLD === theirs![at]! > THRESHOLD).length / FRAMES, decisions: FRAMES }
  },
}

/** One sample an utterance; its label is 1 for each frame in which somebody speaks more than half of the time. */
function utterances(count: number): Dataset {
  return defineDataset({
    key: `utterances/${count}`,
    length: count,
    async *samples() {
      for (let index = 0; index < count; index++) {
        const { sound, speech } = speak(`evaluation/${index}`, FRAMES * FRAME)
        const label = Uint8Array.from({ length: FRAMES }, (_, frame) => {
          const part = speech.subarray(frame * FRAME, (frame + 1) * FRAME)
          return part.reduce((sum, value) => sum + value, 0) > FRAME / 2 ? 1 : 0
        })
        yield { inputs: { sound: Tensor.float32([1, sound.length], sound) }, label }
      }
    },
  })
}

/** Every eighth frame of utterances that nothing else uses, with the state that the original model has reached there. */
function frames(count: number): Dataset {
  return defineDataset({
    key: `frames/${count}`,
    async *samples() {
      const session = await nativeEngine().open(readFileSync(FILE))
      try {
        for (let index = 0; index < count; index++) {
          const kept: Sample[] = []
          const { sound } = speak(`calibration/${index}`, FRAMES * FRAME)
          let frame = 0
          const run: Run = (inputs) => {
            if (frame++ % 8 === index % 8) kept.push({ inputs })
            return session.run(inputs)
          }
          await probabilities(run, sound)
          yield* kept
        }
      } finally {
        await session.dispose()
      }
    },
  })
}

async function probabilities(run: Run, sound: Float32Array): Promise<Tensor> {
  const result = new Float32Array(Math.floor(sound.length / FRAME))
  const sr = Tensor.int64([], [RATE])
  const padded = new Float32Array(CONTEXT + sound.length)
  padded.set(sound, CONTEXT)
  let state = Tensor.float32([2, 1, 128], new Float32Array(256))
  for (let frame = 0; frame < result.length; frame++) {
    const input = Tensor.float32([1, CONTEXT + FRAME], padded.slice(frame * FRAME, (frame + 1) * FRAME + CONTEXT))
    const outputs: Tensors = await run({ input, state, sr })
    result[frame] = outputs['output']!.toFloat32()[0]!
    state = outputs['stateN']!
  }
  return Tensor.float32([result.length, 1], result)
}

import model from './direction.onnx?int8&prune=0.3'
import { type LoadOptions, tensor } from '@whittle/runtime'
import { INPUT_DIMS, type Picture, toInput } from './picture.ts'

export type Classifier = Awaited<ReturnType<typeof loadClassifier>>

/** What the model says of one picture. */
export interface Answer {
  readonly upsideDown: boolean
  /** Of the answer given: from 0.5 to 1. */
  readonly probability: number
  /** Of the run alone, without reading the picture. */
  readonly milliseconds: number
}

/** Fetches the variant that suits the device, and gives a function from pictures to answers. */
export async function loadClassifier(options: LoadOptions) {
  const session = await model.load(options)
  const classify = async (picture: Picture): Promise<Answer> => {
    const x = tensor(toInput(picture), INPUT_DIMS)
    const start = performance.now()
    const { 'softmax_0.tmp_0': probabilities } = await session.run({ x })
    const milliseconds = performance.now() - start
    const [upright, turned] = probabilities.data as ArrayLike<number> as [number, number]
    return { upsideDown: turned > upright, probability: Math.max(upright, turned), milliseconds }
  }
  return { session, manifest: model.manifest, classify }
}

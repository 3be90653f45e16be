import type { Model } from '@whittle/ir'
import {
  attention,
  branching,
  convBnRelu,
  convOfConstantNodes,
  depthwiseResidual,
  lstm,
  mlp,
  sharedConvs,
  spelledHardSwish,
} from './blocks.ts'
import { type GraphBuilder, buildModel } from './builder.ts'

/** Tiny models, one idea each. Weights are seeded; the batch is free and called `N`. */
export const models = {
  /** No node: the input is the output. */
  empty: () => buildModel((b) => void b.output(b.input('x', ['N', 4]))),
  convBnRelu: () => picture((b, x) => convBnRelu(b, x, 4, 8)),
  depthwise: () => picture((b, x) => depthwiseResidual(b, x, 4)),
  hardSwish: () => picture((b, x) => spelledHardSwish(b, convBnRelu(b, x, 4, 4))),
  constantNodes: () => picture((b, x) => convOfConstantNodes(b, x, 4)),
  sharedWeights: () => picture((b, x) => sharedConvs(b, x, 4)),
  branches: () => picture((b, x) => branching(b, x, 4)),
  mlp: () => buildModel((b) => void b.output(mlp(b, b.input('x', ['N', 12]), 12, 5), 'y')),
  attention: () => buildModel((b) => void b.output(attention(b, b.input('x', ['N', 6, 8]), 8), 'y')),
  lstm: () => buildModel((b) => void b.output(lstm(b, b.input('x', [5, 'N', 4]), 4, 3), 'y')),
  embedding: () =>
    buildModel((b) => {
      const words = b.node('Gather', [b.weight('table', [10, 6], 1), b.input('ids', ['N', 4], 'int64')])
      b.output(b.node('MatMul', [words, b.weight('w', [6, 3])]), 'y')
    }),
} satisfies Record<string, () => Model>

/** The names of {@link models}. */
export type ModelName = keyof typeof models

function picture(build: (b: GraphBuilder, x: ReturnType<GraphBuilder['input']>) => ReturnType<GraphBuilder['node']>): Model {
  return buildModel((b) => void b.output(build(b, b.input('x', ['N', 4, 6, 6])), 'y'))
}

/** A random small network: a few blocks on pictures, then a classifier. The same seed gives the same model. */
export function randomModel(seed: string): Model {
  return buildModel((b) => {
    let channels = 4
    let x = b.input('x', ['N', channels, 8, 8])
    const steps: ((count: number) => void)[] = [
      (count) => {
        const to = 4 + 2 * count
        x = convBnRelu(b, x, channels, to, { strides: count > 2 ? [2, 2] : [1, 1] })
        channels = to
      },
      () => (x = depthwiseResidual(b, x, channels)),
      () => (x = spelledHardSwish(b, x)),
      () => (x = convOfConstantNodes(b, x, channels)),
      () => (x = sharedConvs(b, x, channels)),
      () => (x = branching(b, x, channels)),
      () => (x = b.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [1, 1], pads: [0, 0, 1, 1] })),
      () => (x = b.node('Concat', [x, b.node('Sigmoid', [x])], { axis: 1 })) && void (channels *= 2),
      () => (x = b.node('Identity', [x])),
    ]
    const count = 2 + b.rng.integer(4)
    for (let step = 0; step < count && channels < 32; step++) steps[b.rng.integer(steps.length)]!(b.rng.integer(4))
    if (b.rng.next() < 0.3) b.output(x, 'features')
    const flat = b.node('Flatten', [b.node('GlobalAveragePool', [x])])
    b.output(b.node('Softmax', [mlp(b, flat, channels, 5)], { axis: -1 }), 'y')
  }, seed)
}

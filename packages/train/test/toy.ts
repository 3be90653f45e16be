import { nativeEngine } from '@whittle/engine'
import {
  type Context,
  type Dataset,
  type Model,
  type Sample,
  Tensor,
  type Tensors,
  createRandom,
  defineDataset,
  silentLogger,
} from '@whittle/ir'
import { buildModel } from '@whittle/testing'

/** Pictures with a line across them (class 0), down them (1), or none (2), in noise. */
export function lines(count: number, seed: string, labelled = true): Dataset {
  return defineDataset({
    key: `lines ${seed}`,
    length: count,
    async *samples() {
      const random = createRandom(seed)
      for (let index = 0; index < count; index++) {
        const [kind, line] = [random.integer(3), random.integer(6)]
        const pixels = Array.from({ length: 36 }, (_, at) => {
          const inLine = kind === 0 ? Math.floor(at / 6) === line : kind === 1 && at % 6 === line
          return 0.3 * random.normal() + (inLine ? 1.5 : 0)
        })
        yield { inputs: { x: Tensor.float32([1, 1, 6, 6], pixels) }, ...(labelled ? { label: kind } : {}) }
      }
    },
  })
}

/** Two convolutions and a Gemm, untrained, that give the probabilities of three classes. */
export function network(batch: number | string = 'N'): Model {
  return buildModel((b) => {
    const x = b.input('x', [batch, 1, 6, 6])
    const first = b.node('Conv', [x, b.weight('w1', [8, 1, 3, 3]), b.weight('b1', [8], 0.1)], { pads: [1, 1, 1, 1] })
    const second = b.node('Conv', [b.node('Relu', [first]), b.weight('w2', [8, 8, 3, 3]), b.weight('b2', [8], 0.1)])
    const features = b.node('Flatten', [b.node('GlobalMaxPool', [b.node('Relu', [second])])])
    const logits = b.node('Gemm', [features, b.weight('w3', [8, 3]), b.weight('b3', [3], 0.1)])
    b.output(b.node('Softmax', [logits], { axis: -1 }), 'p')
  })
}

export const engine = nativeEngine({ threads: 1 })

export function contextOf(training: Dataset, more: Partial<Context> = {}): Context & { engine: typeof engine } {
  return { engine, training, logger: silentLogger, random: createRandom('toy'), ...more }
}

export async function samplesOf(dataset: Dataset): Promise<Sample[]> {
  const samples: Sample[] = []
  for await (const sample of dataset.samples()) samples.push(sample)
  return samples
}

async function runAll(model: Model, dataset: Dataset): Promise<{ sample: Sample; outputs: Tensors }[]> {
  const session = await engine.open(model)
  try {
    const results = []
    for (const sample of await samplesOf(dataset)) results.push({ sample, outputs: await session.run(sample.inputs) })
    return results
  } finally {
    await session.dispose()
  }
}

/** Share of samples whose greatest score is at the label. */
export async function accuracyOf(model: Model, dataset: Dataset): Promise<number> {
  const results = await runAll(model, dataset)
  const right = results.filter(({ sample, outputs }) => {
    const scores = outputs.p!.toFloat32()
    return scores.indexOf(Math.max(...scores)) === sample.label
  })
  return right.length / results.length
}

/** The mean divergence of a model's probabilities from another's. */
export async function divergenceOf(model: Model, original: Model, dataset: Dataset): Promise<number> {
  const [ours, theirs] = [await runAll(model, dataset), await runAll(original, dataset)]
  const each = ours.map(({ outputs }, index) => {
    const [q, p] = [outputs.p!.toFloat32(), theirs[index]!.outputs.p!.toFloat32()]
    return p.reduce((sum, share, at) => sum + (share > 0 ? share * Math.log(share / Math.max(q[at]!, 1e-30)) : 0), 0)
  })
  return each.reduce((sum, value) => sum + value, 0) / each.length
}

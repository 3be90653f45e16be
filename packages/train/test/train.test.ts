import { accuracy, topOneAgreement } from '@whittle/engine'
import { type Model, Tensor, type Transform, compress, defineDataset } from '@whittle/ir'
import { buildModel } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { distill, finetune, labelObjective, train } from '../src/index.ts'
import { peakBytes } from '../src/training/memory.ts'
import { accuracyOf, contextOf, divergenceOf, engine, lines, network } from './toy.ts'

const [learned, unseen] = [lines(240, 'learned'), lines(150, 'unseen')]
/** From nothing to a network that tells lines. */
const fromNothing = finetune({ steps: 150, learningRate: 0.02, batch: 24 })
const trained = compress(network(), [fromNothing], contextOf(learned))

/** Sets the smallest half of the kernels' weights to zero. */
const halve: Transform = {
  name: 'halve',
  options: {},
  run(model) {
    for (const value of model.graph.initializers) {
      const { tensor } = value
      if (!tensor || tensor.dims.length < 2) continue
      const data = tensor.toFloat32()
      const limit = [...data].map(Math.abs).sort((a, b) => a - b)[data.length >> 1]!
      value.graph.setTensor(
        value,
        Tensor.float32(
          tensor.dims,
          data.map((item) => (Math.abs(item) < limit ? 0 : item)),
        ),
      )
    }
    return { changed: [], skipped: [] }
  },
}

/** By elimination, of numbers that are clearly none or some. */
function rankOfRows(items: Float32Array, rows: number): number {
  const columns = items.length / rows
  const matrix = Array.from({ length: rows }, (_, row) => [...items.subarray(row * columns, (row + 1) * columns)])
  const largest = Math.max(...items.map(Math.abs))
  let rank = 0
  for (let column = 0; column < columns && rank < rows; column++) {
    const rest = matrix.slice(rank)
    const pivot = rest.reduce((best, row) => (Math.abs(row[column]!) > Math.abs(best[column]!) ? row : best))
    if (Math.abs(pivot[column]!) < 1e-4 * largest) continue
    matrix.splice(matrix.indexOf(pivot), 1)
    matrix.splice(rank++, 0, pivot)
    for (const row of matrix.slice(rank)) {
      const factor = row[column]! / pivot[column]!
      row.forEach((_, at) => (row[at]! -= factor * pivot[at]!))
    }
  }
  return rank
}

const zerosOf = (model: Model): string[] =>
  [...model.graph.initializers].flatMap(({ name, tensor }) =>
    [...tensor!.toFloat32()].flatMap((item, at) => (item === 0 ? [`${name}[${at}]`] : [])),
  )

describe('finetune', () => {
  it('learns from labels, and is judged by samples that it has not seen', async () => {
    const { model, reports } = await trained
    expect(await accuracyOf(network(), unseen)).toBeLessThan(0.6)
    expect(await accuracyOf(model, unseen)).toBeGreaterThan(0.9)
    expect(reports[0]!.changed[0]!.what).toMatch(/^691 numbers of 6 weights learned in 150 steps: the loss went from/)
  })

  it('gives the same weights again', async () => {
    const again = await compress(network(), [fromNothing], contextOf(learned))
    const bytes = (model: Model): Float32Array[] => [...model.graph.initializers].map(({ tensor }) => tensor!.toFloat32())
    expect(bytes(again.model)).toEqual(bytes((await trained).model))
  })

  it('lets only those learn that are asked for', async () => {
    const changedOf = async (parameters: Parameters<typeof finetune>[0]['parameters']): Promise<string[]> => {
      const { model } = await compress(
        network(),
        [finetune({ steps: 5, learningRate: 0.02, holdout: 0, ...(parameters ? { parameters } : {}) })],
        contextOf(learned),
      )
      const before = new Map([...network().graph.initializers].map(({ name, tensor }) => [name, tensor!.toNumbers()]))
      return [...model.graph.initializers]
        .filter(({ name, tensor }) => `${tensor!.toNumbers()}` !== `${before.get(name)}`)
        .map(({ name }) => name)
    }
    expect(await changedOf('biases')).toEqual(['b1', 'b2', 'b3'])
    expect(await changedOf({ last: 1 })).toEqual(['w3', 'b3'])
    expect(await changedOf(['w2'])).toEqual(['w2'])
    // What is as small as the correction itself stays.
    expect(await changedOf({ rank: 3 })).toEqual(['w1', 'w2'])
    await expect(changedOf({ rank: 0 })).rejects.toThrow("train: expected 'all', 'biases', { last } or { rank } with a whole number")
    await expect(changedOf(['w9'])).rejects.toThrow("for parameters, received 'w9'")
  })

  it('keeps what a metric finds best, and ends by it', async () => {
    const { model, reports } = await compress(
      network(),
      [finetune({ steps: 400, learningRate: 0.02, batch: 24, every: 5, patience: 4, metric: accuracy() })],
      contextOf(learned),
    )
    expect(await accuracyOf(model, unseen)).toBeGreaterThan(0.85)
    expect(reports[0]!.options).toMatchObject({ metric: 'accuracy:' })
    const steps = Number(/learned in (\d+) steps: the metric went from 0\.\d+ to 1\.00/.exec(reports[0]!.changed[0]!.what)?.[1])
    expect(steps).toBeLessThan(400)
    expect(reports[0]!.skipped[0]!.why).toBe('training ended there: no better metric in 4 looks')
    expect(() => finetune({ steps: 5, holdout: 0, metric: accuracy() })).toThrow('a share above 0 for the metric to judge by')
  })

  it('lets a metric compare with the original', async () => {
    const { model: original } = await trained
    const { reports } = await compress(
      original,
      [halve, distill({ steps: 60, learningRate: 0.01, batch: 24, metric: topOneAgreement() })],
      contextOf(learned),
    )
    const [, before, after] = /the metric went from ([\d.]+) to ([\d.]+)/.exec(reports[1]!.changed[0]!.what)!.map(Number)
    expect(after).toBeGreaterThan(before!)
    expect(after).toBeGreaterThan(0.9)
  })

  it('needs labels of the right form', async () => {
    const one = (label: unknown) =>
      defineDataset({
        ...lines(4, 'few'),
        async *samples() {
          for await (const { inputs } of lines(4, 'few').samples()) yield { inputs, label }
        },
      })
    const tune = (label: unknown) => compress(network(), [finetune({ steps: 2 })], contextOf(one(label)))
    await expect(tune(undefined)).rejects.toThrow('finetune: the samples have no labels: give each a class index')
    await expect(tune(Tensor.int64([1, 2], [1, 2]))).rejects.toThrow('the label has shape [1, 2], and the output asks for [N]')
    await expect(tune(-1)).rejects.toThrow('a class index is a whole number from 0, and the label holds -1')
  })
})

describe('distill', () => {
  it('gives a pruned network back what it lost, its zeros kept, without labels', async () => {
    const { model: original } = await trained
    const samples = contextOf(lines(240, 'learned', false))
    const pruned = await compress(original, [halve], samples)
    const recovered = await compress(original, [halve, distill({ steps: 100, learningRate: 0.01, batch: 24 })], samples)
    const [before, after] = [await divergenceOf(pruned.model, original, unseen), await divergenceOf(recovered.model, original, unseen)]
    expect(after).toBeLessThan(before / 4)
    expect(zerosOf(recovered.model)).toEqual(zerosOf(pruned.model))
  })

  it('learns corrections of a low rank, which are added to the weights', async () => {
    const { model: original } = await trained
    const samples = contextOf(lines(240, 'learned', false))
    const recover = distill({ steps: 100, learningRate: 0.01, batch: 24, parameters: { rank: 2 } })
    const pruned = await compress(original, [halve], samples)
    const { model, reports } = await compress(original, [halve, recover], samples)
    const [before, after] = [await divergenceOf(pruned.model, original, unseen), await divergenceOf(model, original, unseen)]
    expect(after).toBeLessThan(before / 2)
    expect(zerosOf(model)).toEqual(zerosOf(pruned.model))
    expect(reports[1]!.changed[0]!.what).toMatch(/^672 numbers of 3 weights learned/)
    // By no more than the rank: the change of the second kernel is a product of two matrices.
    const kernel = (of: Model): Float32Array => [...of.graph.initializers].find(({ name }) => name === 'w2')!.tensor!.toFloat32()
    const tune = finetune({ steps: 20, learningRate: 0.02, batch: 24, parameters: { rank: 2 }, holdout: 0 })
    const tuned = await compress(network(), [tune], contextOf(learned))
    const changes = kernel(tuned.model).map((item, at) => item - kernel(network())[at]!)
    expect(rankOfRows(changes, 8)).toBe(2)
  })

  it('follows inner values, and says which it does not find', async () => {
    const { model: original } = await trained
    const inner = original.graph.nodes.find((node) => node.type === 'Flatten')!.output.name
    const steps = (follow: string[]) => [halve, distill({ steps: 60, learningRate: 0.01, batch: 24, follow })]
    const errorOf = async (follow: string[]): Promise<number> => {
      const { model } = await compress(original, steps(follow), contextOf(learned))
      const [a, b] = [await engine.open(model, { capture: [inner] }), await engine.open(original, { capture: [inner] })]
      let sum = 0
      for await (const { inputs } of unseen.samples()) {
        const [ours, theirs] = [(await a.run(inputs))[inner]!.toFloat32(), (await b.run(inputs))[inner]!.toFloat32()]
        sum += ours.reduce((all, item, at) => all + (item - theirs[at]!) ** 2, 0)
      }
      return sum
    }
    expect(await errorOf([inner])).toBeLessThan(await errorOf([]))
    await expect(compress(original, steps(['nowhere']), contextOf(learned))).rejects.toThrow("'nowhere'")
  })
})

describe('the loop', () => {
  it('divides a batch where memory is short, and comes to the same', async () => {
    const weightsWith = async (memory: number): Promise<{ samples: number; weights: number[] }> => {
      const model = network()
      const context = contextOf(learned)
      const objectives = [labelObjective(0)]
      const { run } = await train(
        model,
        { steps: 3, batch: 16, learningRate: 0.01, every: 3, memory },
        { owner: 'test', objectives, dataset: learned, context },
      )
      return { samples: run.samples, weights: [...model.graph.initializers].flatMap(({ tensor }) => tensor!.toNumbers()) }
    }
    const [whole, parts] = [await weightsWith(2e9), await weightsWith(5e4)]
    expect(whole.samples).toBe(16)
    expect(parts.samples).toBeLessThan(16)
    whole.weights.forEach((value, at) => expect(parts.weights[at]).toBeCloseTo(value, 4))
    await expect(weightsWith(1000)).rejects.toThrow(/one sample takes .* MB to learn from, more than the 0 MB of the option memory/)
  })

  it('takes models whose batch is fixed one sample at a time', async () => {
    const { model } = await compress(network(1), [finetune({ steps: 150, learningRate: 0.02, batch: 8 })], contextOf(learned))
    expect(await accuracyOf(model, unseen)).toBeGreaterThan(0.85)
  })

  it('ends with the best weights where the loss is no number any more, and says where', async () => {
    const { model: original } = await trained
    // Its squares overflow as soon as weights have grown.
    const wild = finetune({ steps: 40, learningRate: 1e12, warmup: 0, every: 1, optimizer: 'sgd' })
    const { model, reports } = await compress(original, [wild], contextOf(learned))
    expect(reports[0]!.skipped.map(({ why }) => why).join()).toMatch(
      /the loss or a gradient was not a finite number at step \d+ \(the first in .+\); a lower learningRate may help/,
    )
    expect(await accuracyOf(model, unseen)).toBeGreaterThan(0.9)
  })

  it('refuses what is no number before the first step, with the node', async () => {
    const broken = network()
    const [bias] = [...broken.graph.initializers].filter(({ name }) => name === 'b2')
    broken.graph.setTensor(bias!, Tensor.float32([8], new Float32Array(8).fill(NaN)))
    await expect(compress(broken, [finetune({ steps: 2 })], contextOf(learned))).rejects.toThrow(
      /^finetune: the loss or a gradient is not a finite number before the first step \(the first in Conv.*\); look at the samples near sample \d+$/,
    )
  })

  it('keeps the best so far where it is aborted', async () => {
    const model = network()
    const abort = new AbortController()
    const context = contextOf(learned, {
      signal: abort.signal,
      onProgress: ({ done }) => {
        if (done === 60) abort.abort()
      },
    })
    const options = { steps: 1000, learningRate: 0.02, batch: 24, schedule: 'constant' as const }
    const result = await train(model, options, { owner: 'test', objectives: [labelObjective(0)], dataset: learned, context })
    expect(result).toMatchObject({ steps: 61, ended: 'it was aborted' })
    expect(result.judged.after).toBeLessThan(result.judged.before)
    await expect(compress(network(), [finetune({ steps: 5 })], context)).rejects.toThrow('abort')
  })

  it('ends early where patience or time is over', async () => {
    const tune = async (options: Partial<Parameters<typeof finetune>[0]>) =>
      (await compress((await trained).model, [finetune({ steps: 60, learningRate: 1e-9, every: 2, ...options })], contextOf(learned)))
        .reports[0]!
    const whys = ({ skipped }: Awaited<ReturnType<typeof tune>>): string => skipped.map(({ why }) => why).join()
    expect(whys(await tune({ learningRate: 10, patience: 3 }))).toContain('training ended there: no better loss in 3 looks')
    expect(whys(await tune({ seconds: 1e-6 }))).toContain('its 0.000001 seconds were over')
  })

  it('names a model of which nothing can learn', async () => {
    const still = buildModel((b) => b.output(b.node('Relu', [b.input('x', ['N', 1, 6, 6])]), 'p'))
    await expect(compress(still, [distill({ steps: 2 })], contextOf(learned))).rejects.toThrow(
      'distill: nothing of the model can learn: it has no float32 weights',
    )
  })

  it('counts the memory of a run', () => {
    const model = buildModel((b) => {
      const first = b.node('Relu', [b.input('x', ['N', 100])])
      b.output(b.node('Add', [b.node('Neg', [first]), b.node('Exp', [first])]), 'y')
    })
    // The input, and three values at a time: first, its negative, its exponential; then these two and their sum.
    expect(peakBytes(model, { x: [10, 100] })).toBe(4 * 4000)
  })
})

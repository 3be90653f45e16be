import { type Dataset, type Model, Tensor, compress, createRandom, defineDataset } from '@whittle/ir'
import { buildModel } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { ctcLoss, ctcTargets } from '../src/ctc.ts'
import { finetune, gradients } from '../src/index.ts'
import { open } from './harness.ts'
import { contextOf, engine, samplesOf } from './toy.ts'

const [TIMES, CLASSES] = [4, 3]

/** Without repetitions, and then without blanks. */
function collapsed(path: readonly number[], blank: number): number[] {
  return path.filter((item, at) => item !== path[at - 1]).filter((item) => item !== blank)
}

/** Minus the logarithm of the sum over all paths, divided by the label's length. */
function byPaths(logits: readonly number[], label: readonly number[], blank: number): number {
  const rows = Array.from({ length: TIMES }, (_, time) => {
    const powers = logits.slice(time * CLASSES, (time + 1) * CLASSES).map(Math.exp)
    const sum = powers.reduce((a, b) => a + b)
    return powers.map((power) => power / sum)
  })
  let chance = 0
  for (let number = 0; number < CLASSES ** TIMES; number++) {
    const path = rows.map((_, time) => Math.floor(number / CLASSES ** time) % CLASSES)
    if (collapsed(path, blank).join() === label.join()) chance += path.reduce((product, item, time) => product * rows[time]![item]!, 1)
  }
  return -Math.log(chance) / Math.max(1, label.length)
}

const random = createRandom('ctc')
const drawn = Array.from({ length: 2 * TIMES * CLASSES }, () => 2 * random.normal())
const halves = [drawn.slice(0, TIMES * CLASSES), drawn.slice(TIMES * CLASSES)]

describe('ctc', () => {
  it.each([
    [[1], [2, 1, 2], 0],
    [[1, 1], [], 0],
    [[1, 2, 1, 2], [2, 2], 0],
    [[0, 1], [1, 0, 0], 2],
  ])('labels %j and %j: the loss is that of all paths, the gradient its difference', async (first, second, blank) => {
    const labels = [first, second]
    const model = buildModel((b) => {
      const logits = b.input('x', ['N', TIMES, CLASSES])
      const states = 2 * TIMES + 1
      const mask = (name: string): typeof logits => b.input(name, ['N', 1, states])
      const inputs = { states: b.input('states', ['N', states], 'int64'), skips: mask('skips'), ends: mask('ends') }
      b.output(ctcLoss(b.graph, logits, { ...inputs, share: b.input('share', ['N', 1, 1]) }), 'loss')
    })
    const session = await open(gradients(model, { loss: 'loss', wrt: ['x'] }).model)
    const [one, two] = labels.map((label) => ctcTargets(label, TIMES, blank))
    const both = (a: Tensor, b: Tensor): Tensor => {
      const dims = [2, ...a.dims.slice(1)]
      const items = [...a.toNumbers(), ...b.toNumbers()]
      return a.type === 'int64' ? Tensor.int64(dims, items) : Tensor.float32(dims, items)
    }
    const targets = (['states', 'skips', 'ends', 'share'] as const).map((name) => [name, both(one![name], two![name])])
    const given = await session.run({ x: Tensor.float32([2, TIMES, CLASSES], drawn), ...Object.fromEntries(targets) })
    const mean = (logits: readonly number[][]): number =>
      labels.reduce((sum, label, at) => sum + byPaths(logits[at]!, label, blank) / labels.length, 0)
    expect(given.loss!.toNumbers()[0]).toBeCloseTo(mean(halves), 4)
    const slopes = given.x_gradient!.toNumbers()
    for (let at = 0; at < drawn.length; at++) {
      const moved = (step: number): number[][] =>
        halves.map((half, which) => half.map((item, index) => (which * half.length + index === at ? item + step : item)))
      expect(slopes[at]).toBeCloseTo((mean(moved(1e-4)) - mean(moved(-1e-4))) / 2e-4, 4)
    }
  })
})

/** Signals in which bumps (class 1) and dips (class 2) follow one another, with nothing between. */
function signals(count: number, seed: string): Dataset {
  return defineDataset({
    key: `signals ${seed}`,
    async *samples() {
      const draw = createRandom(seed)
      for (let sample = 0; sample < count; sample++) {
        const signal = Array.from({ length: 24 }, () => 0.2 * draw.normal())
        const label: number[] = []
        for (let at = 1 + draw.integer(3); at < 22; at += 3 + draw.integer(5)) {
          const kind = 1 + draw.integer(2)
          label.push(kind)
          for (const near of [0, 1]) signal[at + near]! += kind === 1 ? 1.5 : -1.5
        }
        yield { inputs: { x: Tensor.float32([1, 1, 24], signal) }, label }
      }
    },
  })
}

function reader(length: number | string = 'T'): Model {
  return buildModel((b) => {
    const x = b.input('x', ['N', 1, length])
    const first = b.node('Relu', [b.node('Conv', [x, b.weight('w1', [8, 1, 3]), b.weight('b1', [8], 0.1)], { pads: [1, 1] })])
    const scores = b.node('Conv', [first, b.weight('w2', [3, 8, 3]), b.weight('b2', [3], 0.1)], { pads: [1, 1] })
    b.output(b.node('Softmax', [b.node('Transpose', [scores], { perm: [0, 2, 1] })], { axis: 2 }), 'p')
  })
}

async function shareRead(model: Model, dataset: Dataset): Promise<number> {
  const session = await engine.open(model)
  const samples = await samplesOf(dataset)
  let right = 0
  for (const { inputs, label } of samples) {
    const scores = (await session.run(inputs)).p!.toFloat32()
    const path = Array.from({ length: 24 }, (_, time) => [0, 1, 2].sort((a, b) => scores[time * 3 + b]! - scores[time * 3 + a]!)[0]!)
    if (collapsed(path, 0).join() === (label as number[]).join()) right++
  }
  await session.dispose()
  return right / samples.length
}

describe('finetune by ctc', () => {
  const options = { steps: 300, learningRate: 0.05, batch: 16, loss: 'ctc' } as const

  it('learns to read, from labels that do not say where', async () => {
    const [learned, unseen] = [signals(200, 'learned'), signals(100, 'unseen')]
    expect(await shareRead(reader(), unseen)).toBeLessThan(0.2)
    const { model } = await compress(reader(), [finetune(options)], contextOf(learned))
    expect(await shareRead(model, unseen)).toBeGreaterThan(0.9)
  })

  const only = (label: unknown, length = 24): Dataset =>
    defineDataset({
      key: 'only',
      async *samples() {
        yield { inputs: { x: Tensor.float32([1, 1, 24], new Float32Array(24)) }, label: [1] }
        yield { inputs: { x: Tensor.float32([1, 1, 24], new Float32Array(24)) }, label: [1] }
        yield { inputs: { x: Tensor.float32([1, 1, length], new Float32Array(length)) }, label }
      },
    })

  it.each([
    ['a label with the blank', only([1, 0]), 'sample 2: a class index is a whole number below 3 and not 0, the blank; the label holds 0'],
    ['a class that is not there', only([7]), 'the label holds 7'],
    ['a label that is too long', only(Array(13).fill(1)), 'sample 2: a label of 13 classes takes 25 positions, and the output has 24'],
    ['a label that is no list', only('text'), 'sample 2: the label of ctc is a list of class indices'],
    ['a sample of another size', only([1], 30), "sample 2: 'x' is 1x30, and the first sample's 1x24; ctc takes samples of one size"],
  ])('refuses %s', async (_, dataset, message) => {
    await expect(compress(reader(), [finetune({ ...options, steps: 3, batch: 1, holdout: 0 })], contextOf(dataset))).rejects.toThrow(
      message,
    )
  })

  it('refuses an output that has no positions', async () => {
    const flat = buildModel((b) => b.output(b.node('Flatten', [b.node('Mul', [b.input('x', ['N', 1, 24]), b.weight('w', [24])])]), 'p'))
    await expect(compress(flat, [finetune(options)], contextOf(signals(5, 'few')))).rejects.toThrow(
      "finetune: ctc reads an output [samples, positions, classes], and 'p' has the shape [N, 24]",
    )
  })
})

import { type Dataset, type Model, Tensor, type Value, createRandom, inferShapes, macsOf, removeUnused } from '@whittle/ir'
import { type GraphBuilder, buildModel, datasetOf, randomInputs, transformContract } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { type PruneOptions, prune } from '../src/prune.ts'
import { context, engine, errorOf, samplesOf } from './harness.ts'

transformContract('prune channels', () => prune({ granularity: 'channel', ratio: 0.3, multiple: 1 }), {
  tolerance: Infinity,
  settles: false,
})
transformContract('prune channels on data', () => prune({ granularity: 'channel', ratio: 0.3, method: 'obs', multiple: 1 }), {
  tolerance: Infinity,
  settles: false,
  context: (model) => ({ engine, calibration: samplesOf(model, 2) }),
  randomModels: 3,
})

const run = async (model: Model, options: PruneOptions, more: Parameters<typeof context>[0] = {}) => {
  const after = model.clone()
  const report = await prune({ granularity: 'channel', multiple: 1, ...options }).run(after, context(more))
  inferShapes(after)
  return { after, report }
}

const named = (model: Model, name: string): Tensor => [...model.initializers()].find((value) => value.name === name)!.tensor!

/** Two convolutions with a residual behind them, and a Gemm. `edit` gets the first kernel and its bias, `[16, 3, 3, 3]` and `[16]`. */
function network(edit: (kernel: Float32Array, bias: Float32Array) => void = () => {}, seed = 'network'): Model {
  return buildModel((b) => {
    const [kernel, bias] = [b.random([16, 3, 3, 3]), b.random([16], 0.3)]
    edit(kernel.toFloat32(), bias.toFloat32())
    const conv = (x: Value, to: number, weight: Tensor, name: string, added: Tensor): Value =>
      b.node('Relu', [b.node('Conv', [x, b.constant(`${name}_w`, weight), b.constant(`${name}_b`, added)], { pads: [1, 1, 1, 1] })])
    const first = conv(b.input('x', ['N', 3, 8, 8]), 16, kernel, 'first', bias)
    const second = conv(first, 8, b.random([8, 16, 3, 3]), 'second', b.random([8], 0.3))
    const third = b.node('Add', [second, conv(second, 8, b.random([8, 8, 3, 3]), 'third', b.random([8], 0.3))])
    b.output(classifier(b, third, 8), 'y')
  }, seed)
}

const classifier = (b: GraphBuilder, x: Value, channels: number): Value =>
  b.node('Gemm', [b.node('Flatten', [b.node('GlobalAveragePool', [x])]), b.weight('out_w', [channels, 4]), b.weight('out_b', [4])])

const samples = (model: Model, count = 32, seed = 'calibration'): Dataset =>
  datasetOf(Array.from({ length: count }, (_, at) => randomInputs(model, createRandom(`${seed} ${at}`), { N: 1 })))

describe('by magnitude', () => {
  test('each layer loses the share, and what is tied goes with it', async () => {
    const { after, report } = await run(network(), { ratio: 0.25 })
    expect(named(after, 'first_w').dims).toEqual([12, 3, 3, 3])
    expect(named(after, 'first_b').dims).toEqual([12])
    expect(named(after, 'second_w').dims).toEqual([6, 12, 3, 3])
    expect(named(after, 'third_w').dims).toEqual([6, 6, 3, 3])
    expect(named(after, 'out_w').dims).toEqual([6, 4])
    expect(report.changed).toContainEqual({ at: 'second_w', what: '2 of 8 output channels and 4 of 16 input channels went' })
    expect(report.skipped).toEqual([{ at: 'out_w', why: "its output channels stay: it reaches the output 'y'" }])
  })

  test('what is smallest goes: without channels whose weights are zero, outputs are the same', async () => {
    const dead = [1, 4, 9, 14]
    const model = network((kernel, bias) => {
      kernel.forEach((_, at) => dead.includes(Math.floor(at / 27)) && (kernel[at] = 0))
      for (const at of dead) bias[at] = 0
    })
    // Those that read them may be as they are.
    const { after } = await run(model, { ratio: 0.25 })
    expect(named(after, 'first_w').toNumbers()).toEqual(
      named(model, 'first_w').toNumbers().filter((_, at) => !dead.includes(Math.floor(at / 27))), // prettier-ignore
    )
  })

  test('channels come in multiples, and a layer keeps some whatever is asked for, which is named', async () => {
    const { after } = await run(network(), { ratio: 0.4, multiple: 4 })
    expect(named(after, 'first_w').dims[0]).toBe(8)
    expect(named(after, 'second_w').dims[0]).toBe(4)
    const most = await run(network(), { ratio: 0.99, multiple: 4 })
    expect(named(most.after, 'first_w').dims[0]).toBe(4)
    expect(most.report.skipped).toContainEqual({ at: 'first_w', why: '4 channels are kept at least' })
  })

  test('macs is the share that is left at most', async () => {
    const model = network()
    const macs = (of: Model): number => macsOf(pinned(of)).total!
    for (const share of [0.75, 0.5, 0.3]) {
      const { after } = await run(model, { macs: share })
      expect(macs(after) / macs(model)).toBeLessThanOrEqual(share)
      expect(macs(after) / macs(model)).toBeGreaterThan(share - 0.12)
    }
    await expect(run(model, { macs: 0.01 })).rejects.toMatchObject({
      code: 'MACS_UNREACHABLE',
      message: expect.stringMatching(/^macs=0\.01 cannot be reached: .* 0\.0\d of the multiply-accumulates are left; ask for more$/),
    })
  })
})

/** The model with its batch pinned to 1. */
function pinned(model: Model): Model {
  const copy = model.clone()
  inferShapes(copy, { dims: { N: 1 } })
  return copy
}

describe('on data', () => {
  test('the layer that reads a channel makes up for it by others that give the same', async () => {
    // The last four are the first four again, and as large as the others.
    const model = network((kernel, bias) => {
      kernel.copyWithin(12 * 27, 0, 4 * 27)
      bias.copyWithin(12, 0, 4)
    })
    const only = { ratio: 0.25, scope: 'tensor' } as const
    const calibration = samples(model)
    const fresh = samples(model, 8, 'fresh')
    // Only the first layer has channels to spare: it is judged by itself.
    const first = (of: Model): Model => {
      const copy = of.clone()
      copy.graph.setOutputs([copy.graph.nodes.find((node) => node.inputs[1]?.name === 'second_w')!.output])
      removeUnused(copy.graph)
      return copy
    }
    const cut = first(model)
    const { after } = await run(cut, { method: 'obs', ...only }, { calibration })
    expect(named(after, 'first_w').dims[0]).toBe(12)
    expect(await errorOf(cut, after, fresh)).toBeLessThan(1e-3)
    const { after: plain } = await run(cut, only)
    expect(await errorOf(cut, plain, fresh)).toBeGreaterThan(0.05)
  })

  test('the bias takes over what a channel always gives', async () => {
    const constant = [2, 7, 8, 11]
    const model = buildModel((b) => {
      const [kernel, bias] = [b.random([16, 3, 3, 3]), b.random([16], 0.3)]
      kernel.toFloat32().forEach((_, at, data) => constant.includes(Math.floor(at / 27)) && (data[at] = 0))
      for (const at of constant) bias.toFloat32()[at] = 3
      const first = b.node('Relu', [
        b.node('Conv', [b.input('x', ['N', 3, 8, 8]), b.constant('first_w', kernel), b.constant('first_b', bias)]),
      ])
      b.output(b.node('Conv', [first, b.weight('second_w', [8, 16, 1, 1])]), 'y')
    })
    const { after } = await run(model, { method: 'obs', ratio: 0.25, scope: 'tensor' }, { calibration: samples(model) })
    expect(named(after, 'first_b').toNumbers()).toHaveLength(12)
    expect(named(after, 'first_b').toNumbers()).not.toContain(3)
    expect(await errorOf(model, after, samples(model, 8, 'fresh'))).toBeLessThan(1e-6)
  })

  test('a layer that matters more keeps more', async () => {
    // What the branch 'loud' gives arrives a hundred times larger.
    const model = buildModel((b) => {
      const x = b.input('x', ['N', 3, 8, 8])
      const branch = (name: string, factor: number): Value => {
        const hidden = b.node('Relu', [
          b.node('Conv', [x, b.weight(`${name}_w`, [16, 3, 3, 3]), b.weight(`${name}_b`, [16], 0.3)], { pads: [1, 1, 1, 1] }),
        ])
        return b.node('Mul', [b.node('Conv', [hidden, b.weight(`${name}_out`, [8, 16, 1, 1])]), b.constant(`${name}_factor`, factor)])
      }
      b.output(b.node('Add', [branch('loud', 10), branch('quiet', 0.1)]), 'y')
    })
    const calibration = samples(model, 8)
    const { after } = await run(model, { method: 'obs', ratio: 0.5 }, { calibration })
    const [loud, quiet] = [named(after, 'loud_w').dims[0]!, named(after, 'quiet_w').dims[0]!]
    expect(loud + quiet).toBe(16)
    expect(loud).toBeGreaterThan(2 * quiet)
  })

  test('needs samples', async () => {
    await expect(run(network(), { method: 'obs', ratio: 0.3 })).rejects.toMatchObject({ code: 'CALIBRATION_MISSING' })
  })
})

test.each([
  [{ ratio: 1 }, 'prune: expected a number in (0, 1) for ratio, received 1'],
  [{ macs: 0 }, 'prune: expected a number in (0, 1) for macs, received 0'],
  [{ macs: 0.5, ratio: 0.5 }, 'prune: expected nothing beside macs for ratio, received 0.5'],
  [{ multiple: 0 }, 'prune: expected a whole number of channels for multiple, received 0'],
  [{ pattern: '2:4' }, "prune: expected nothing with granularity 'channel' for pattern, received '2:4'"],
  [{ minSize: 4 }, "prune: expected nothing with granularity 'channel' for minSize, received 4"],
  [{ granularity: 'weight', macs: 0.5 }, "prune: expected nothing with granularity 'weight' for macs, received 0.5"],
  [{ granularity: 'row' }, "prune: expected 'weight' or 'channel' for granularity, received 'row'"],
] as const)('refuses %j', (options, message) => {
  expect(() => prune({ granularity: 'channel', ...options } as PruneOptions)).toThrow(message)
})

test('its options are filled in', () => {
  expect(prune({ macs: 0.5 }).options).toEqual({ granularity: 'channel', method: 'magnitude', macs: 0.5, scope: 'tensor', multiple: 4 })
  expect(prune({ granularity: 'channel', method: 'obs' }).options).toEqual({
    granularity: 'channel',
    method: 'obs',
    ratio: 0.5,
    scope: 'global',
    multiple: 4,
  })
})

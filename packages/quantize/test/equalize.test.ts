import { type Model, type Report, Tensor, type Value, compress, createRandom } from '@whittle/ir'
import { type GraphBuilder, buildModel, differenceOf, fixture, models, randomInputs, randomModel, runModel } from '@whittle/testing'
import { readOnnxFile } from '@whittle/ir/onnx'
import { describe, expect, test } from 'vitest'
import { equalize } from '../src/equalize.ts'
import { quantize } from '../src/quantize.ts'
import { context, squaredError, valueOf } from './harness.ts'

const equalized = (model: Model): { after: Model; report: Report; reasons: Record<string, string> } => {
  const after = model.clone()
  const report: Report = { changed: [], skipped: [] }
  equalize(after, report)
  return { after, report, reasons: Object.fromEntries(report.skipped.map(({ at, why }) => [at, why])) }
}

/** The greatest difference of the outputs on random inputs, relative to the greatest output. */
async function change(before: Model, after: Model, seed = 'inputs'): Promise<number> {
  const inputs = randomInputs(before, createRandom(seed))
  const [expected, actual] = [await runModel(before, inputs), await runModel(after, inputs)]
  return Math.max(...Object.keys(expected).map((name) => differenceOf(expected[name]!, actual[name]!)))
}

/** A kernel whose rows differ by orders of magnitude, as BatchNormalization leaves them. */
const uneven = (b: GraphBuilder, name: string, dims: number[], axis: number): Value => {
  const factors = Array.from({ length: dims[axis]! }, () => 10 ** (b.rng.next() * 2 - 1))
  const inner = dims.slice(axis + 1).reduce((a, c) => a * c, 1)
  const tensor = b.random(dims)
  return b.constant(
    name,
    Tensor.float32(
      dims,
      tensor.toFloat32().map((item, at) => item * factors[Math.floor(at / inner) % dims[axis]!]!),
    ),
  )
}

const ranges = (tensor: Tensor, axis: number): number[] => {
  const inner = tensor.dims.slice(axis + 1).reduce((a, b) => a * b, 1)
  const greatest = new Array<number>(tensor.dims[axis]!).fill(0)
  tensor.toFloat32().forEach((item, at) => {
    const channel = Math.floor(at / inner) % greatest.length
    greatest[channel] = Math.max(greatest[channel]!, Math.abs(item))
  })
  return greatest
}

const expectClose = (actual: number[], expected: number[]): void => {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((item, at) => expect(item / expected[at]!).toBeCloseTo(1, 3))
}

const activation = (b: GraphBuilder, x: Value): Value => b.node('Relu', [x])

/** Conv, ReLU, depthwise Conv, ReLU, Conv: MobileNet's chain. */
const chain = buildModel((b) => {
  let x: Value = b.input('x', ['N', 3, 7, 7])
  x = activation(b, b.node('Conv', [x, uneven(b, 'w1', [8, 3, 1, 1], 0), b.weight('b1', [8])]))
  x = activation(b, b.node('Conv', [x, uneven(b, 'w2', [8, 1, 3, 3], 0), b.weight('b2', [8])], { group: 8, pads: [1, 1, 1, 1] }))
  b.output(b.node('Conv', [x, uneven(b, 'w3', [5, 8, 1, 1], 1), b.weight('b3', [5])]), 'y')
})

const pair = buildModel((b) => {
  const hidden = activation(b, b.node('Gemm', [b.input('x', ['N', 6]), uneven(b, 'w1', [10, 6], 0), b.weight('b1', [10])], { transB: 1 }))
  b.output(b.node('MatMul', [hidden, uneven(b, 'w2', [10, 4], 0)]), 'y')
})

describe('in closed form', () => {
  test('two layers end with the geometric mean of their ranges in every channel', async () => {
    const mean = ranges(valueOf(pair, 'w1').tensor!, 0).map((r, at) => Math.sqrt(r * ranges(valueOf(pair, 'w2').tensor!, 0)[at]!))
    const { after } = equalized(pair)
    expectClose(ranges(valueOf(after, 'w1').tensor!, 0), mean)
    expectClose(ranges(valueOf(after, 'w2').tensor!, 0), mean)
    const scale = (at: number): number =>
      valueOf(pair, 'w1').tensor!.toFloat32()[at * 6]! / valueOf(after, 'w1').tensor!.toFloat32()[at * 6]!
    const [before, bias] = [valueOf(pair, 'b1').tensor!.toFloat32(), valueOf(after, 'b1').tensor!.toFloat32()]
    bias.forEach((item, at) => expect(item * scale(at)).toBeCloseTo(before[at]!, 5))
    expect(await change(pair, after)).toBeLessThan(1e-5)
  })

  test('a depthwise chain ends with the cube root of three ranges', async () => {
    const [r1, r2, r3] = [
      ranges(valueOf(chain, 'w1').tensor!, 0),
      ranges(valueOf(chain, 'w2').tensor!, 0),
      ranges(valueOf(chain, 'w3').tensor!, 1),
    ]
    const mean = r1.map((r, at) => Math.cbrt(r * r2[at]! * r3[at]!))
    const { after, report } = equalized(chain)
    expectClose(ranges(valueOf(after, 'w1').tensor!, 0), mean)
    expectClose(ranges(valueOf(after, 'w2').tensor!, 0), mean)
    expectClose(ranges(valueOf(after, 'w3').tensor!, 1), mean)
    expect(report.changed).toHaveLength(2)
    for (const { what } of report.changed) expect(what).toMatch(/^equalized with Conv '.*', by up to \d/)
    expect(await change(chain, after)).toBeLessThan(1e-5)
  })

  test('a second time nothing moves', () => {
    const { after } = equalized(chain)
    const again = equalized(after).after
    for (const name of ['w1', 'w2', 'w3']) expectClose(ranges(valueOf(again, name).tensor!, 0), ranges(valueOf(after, name).tensor!, 0))
  })
})

describe('the function stays the same', () => {
  test.each(Array.from({ length: 12 }, (_, at) => `equalize/${at}`))('for the random model %s', async (seed) => {
    const model = randomModel(seed)
    expect(await change(model, equalized(model).after, seed)).toBeLessThan(1e-4)
  })

  test.each<[string, (b: GraphBuilder) => void]>([
    [
      'through PRelu, pools and Identity',
      (b) => {
        const conv = b.node('Conv', [b.input('x', ['N', 3, 8, 8]), uneven(b, 'w1', [6, 3, 3, 3], 0), b.weight('b1', [6])])
        const way = b.node('MaxPool', [b.node('Identity', [b.node('PRelu', [conv, b.weight('slope', [6, 1, 1])])])], {
          kernel_shape: [2, 2],
        })
        b.output(b.node('Conv', [way, uneven(b, 'w2', [4, 6, 1, 1], 1)]), 'y')
      },
    ],
    [
      'into groups',
      (b) => {
        const conv = b.node('Relu', [b.node('Conv', [b.input('x', ['N', 3, 8, 8]), uneven(b, 'w1', [6, 3, 1, 1], 0)])])
        b.output(b.node('Conv', [conv, uneven(b, 'w2', [4, 3, 3, 3], 1)], { group: 2 }), 'y')
      },
    ],
    [
      'into two layers and behind a transposed one',
      (b) => {
        const up = b.node('Relu', [
          b.node('ConvTranspose', [b.input('x', ['N', 3, 4, 4]), uneven(b, 'w1', [3, 6, 2, 2], 1), b.weight('b1', [6])]),
        ])
        b.output(b.node('Conv', [up, uneven(b, 'w2', [4, 6, 1, 1], 1)]), 'y')
        b.output(b.node('ConvTranspose', [b.node('LeakyRelu', [up]), uneven(b, 'w3', [6, 2, 2, 2], 0)]), 'z')
      },
    ],
    [
      'from pictures into a classifier',
      (b) => {
        const conv = b.node('Relu', [b.node('Conv', [b.input('x', ['N', 3, 4, 4]), uneven(b, 'w1', [6, 3, 1, 1], 0), b.weight('b1', [6])])])
        b.output(b.node('Gemm', [b.node('Flatten', [b.node('GlobalAveragePool', [conv])]), uneven(b, 'w2', [6, 3], 0)]), 'y')
      },
    ],
    [
      'past a bias that is added, shared with another layer',
      (b) => {
        const bias = b.weight('b1', [6])
        const x = b.input('x', ['N', 5, 4])
        const hidden = b.node('Relu', [b.node('Add', [b.node('MatMul', [x, uneven(b, 'w1', [4, 6], 1)]), bias])])
        b.output(b.node('Add', [b.node('MatMul', [hidden, uneven(b, 'w2', [6, 6], 0)]), bias]), 'y')
      },
    ],
    [
      'behind a Clip at 0 alone',
      (b) => {
        const gemm = b.node('Gemm', [b.input('x', ['N', 4]), uneven(b, 'w1', [4, 6], 1), b.weight('b1', [1, 6])], {
          alpha: { type: 'float', value: 2 },
          beta: 0.5,
        })
        b.output(b.node('Gemm', [b.node('Clip', [gemm, b.constant('zero', 0)]), uneven(b, 'w2', [6, 3], 0)]), 'y')
      },
    ],
  ])('%s', async (_, build) => {
    const model = buildModel(build)
    const { after, report } = equalized(model)
    expect(report.changed).toHaveLength(1)
    expect(Math.max(...ranges(valueOf(after, 'w1').tensor!, 0)) / Math.max(...ranges(valueOf(model, 'w1').tensor!, 0))).not.toBeCloseTo(
      1,
      2,
    )
    expect(await change(model, after)).toBeLessThan(1e-5)
  })

  test('of the text direction classifier', async () => {
    const { model } = readOnnxFile(fixture('direction'))
    const { after } = equalized(model)
    const inputs = { x: randomInputs(model, createRandom('x'), {})['x']! }
    const [expected, actual] = [await runModel(model, inputs), await runModel(after, inputs)]
    for (const name of Object.keys(expected)) expect(differenceOf(expected[name]!, actual[name]!)).toBeLessThan(1e-5)
  })
})

describe('leaves alone, with a reason:', () => {
  const reasonOf = (build: (b: GraphBuilder, conv: Value) => void): string => {
    const model = buildModel((b) =>
      build(b, b.node('Conv', [b.input('x', ['N', 3, 4, 4]), b.weight('w', [6, 3, 1, 1])], {}, { name: 'first' })),
    )
    const { after, reasons } = equalized(model)
    expect(valueOf(after, 'w').tensor).toBe(valueOf(model, 'w').tensor)
    return reasons["Conv 'first'"]!.replace('not equalized with the layers behind it: ', '')
  }
  const second = (b: GraphBuilder, x: Value): Value => b.output(b.node('Conv', [x, b.weight('w2', [4, 6, 1, 1])]), 'y')

  test.each<[string, string, (b: GraphBuilder, conv: Value) => void]>([
    ['HardSwish', 'HardSwish reads its output, which a scale cannot pass', (b, conv) => second(b, b.node('HardSwish', [conv]))],
    [
      'ReLU6',
      'Clip reads its output, which a scale cannot pass',
      (b, conv) => second(b, b.node('Clip', [conv, b.constant('l', 0), b.constant('h', 6)])),
    ],
    ['a sum', 'its output is added to something', (b, conv) => second(b, b.node('Add', [conv, b.node('Relu', [conv])]))],
    ['an output', 'an output depends on its scale', (b, conv) => second(b, b.output(conv, 'z'))],
    [
      'a layer that reads other channels',
      'Softmax reads its output, which a scale cannot pass',
      (b, conv) => second(b, b.node('Softmax', [conv])),
    ],
  ])('%s', (_, reason, build) => {
    expect(reasonOf(build)).toBe(reason)
  })

  test('kernels that layers share, or that have a grid', async () => {
    expect(Object.values(equalized(models.sharedWeights()).reasons)).toContain(
      'not equalized with the layers behind it: others read its kernel too',
    )
    const { model } = await compress(chain, [quantize({ minSize: 0 })], context())
    const { report, after } = equalized(model)
    expect(report.changed).toEqual([])
    expect(valueOf(after, 'w1').tensor).toBe(valueOf(model, 'w1').tensor)
  })

  test('dead channels are not made as large as the others, which their bias would not survive', () => {
    const model = buildModel((b) => {
      const data = Float32Array.from({ length: 12 }, (_, at) => (at < 2 ? 1e-7 : at < 4 ? 0 : 0.5 + at / 12))
      const conv = b.node('Conv', [
        b.input('x', ['N', 2, 1, 1]),
        b.constant('w1', Tensor.float32([6, 2, 1, 1], data)),
        b.constant('b1', [1, 1, 1, 1, 1, 1]),
      ])
      second(b, b.node('Relu', [conv]))
    })
    const { after } = equalized(model)
    const bias = valueOf(after, 'b1').tensor!.toFloat32()
    expect(Math.max(...bias) / Math.min(...bias)).toBeLessThan(4)
  })
})

test('one scale for a kernel then costs far less', async () => {
  const inputs = randomInputs(chain, createRandom('gain'), { N: 32 })
  const expected = (await runModel(chain, inputs))['y']!
  const [plain, even] = await Promise.all(
    [chain, equalized(chain).after].map(async (model) => {
      const { model: rounded } = await compress(model, [quantize({ minSize: 0, granularity: 'tensor' })], context())
      return squaredError(expected.toFloat32(), (await runModel(rounded, inputs))['y']!.toFloat32())
    }),
  )
  expect(even).toBeLessThan(plain! / 3)
})

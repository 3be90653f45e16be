import { type Model, Tensor, type Value } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { quantizeTensor } from '@whittle/quantize'
import { webgpuF16 } from '@whittle/targets'
import { type GraphBuilder, buildModel, runModel } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { lower } from '../src/index.ts'

const half = { kind: 'float16' } as const
const large = { kind: 'float32' } as const

/** A float16 constant, so that the graph is to compute in float16. */
function halved(b: GraphBuilder, name: string, value: number[]): Value {
  const constant = b.constant(name, value)
  constant.quantization = half
  return constant
}

/** Marks a value as too large. */
function tooLarge(value: Value): Value {
  value.quantization = large
  return value
}

const opsOf = (model: Model): string[] => [...model.nodes()].map((node) => node.type)

/** What onnxruntime gives. */
async function run(model: Model, x: number[]): Promise<number[]> {
  return (await runModel(writeOnnx(model), { x: Tensor.float32([x.length], x) }))['y']!.toNumbers()
}

/** y = x * 300 * 300 / 90000 + 0.5, whose middle is over 65504 for x of 1 and more. */
const square = (): { model: Model; middle: Value } => {
  let middle: Value | undefined
  const model = buildModel((b) => {
    const gain = halved(b, 'gain', [300, 300])
    middle = b.node('Mul', [b.node('Mul', [b.input('x', [2]), gain]), gain])
    b.output(b.node('Add', [b.node('Div', [middle, b.constant('area', 90000)]), halved(b, 'half', [0.5, 0.5])]), 'y')
  })
  return { model, middle: middle! }
}

describe('a value that float16 cannot hold', () => {
  it('makes the nodes around it compute in float32, and no others', async () => {
    const { model, middle } = square()
    tooLarge(middle)
    const { skipped } = lower(model, webgpuF16, {})
    expect(skipped.map(({ why }) => why)).toEqual(new Array(2).fill('it reads or gives what float16 cannot hold: it computes in float32'))
    // x to float16; the first product to float32; the quotient to float16; y to float32.
    expect(opsOf(model)).toEqual(['Cast', 'Mul', 'Cast', 'Mul', 'Div', 'Cast', 'Add', 'Cast'])
    expect(await run(model, [1, 2])).toEqual([1.5, 2.5])
  })

  it('as an input, an output, or what a chain of nodes hands on, meets no Cast', async () => {
    const model = buildModel((b) => {
      const x = tooLarge(b.input('x', [2]))
      const twice = tooLarge(b.node('Add', [x, x]))
      const y = b.output(tooLarge(b.node('Add', [b.node('Mul', [twice, halved(b, 'two', [2, 2])]), twice])), 'y')
      b.output(b.node('Relu', [b.node('Div', [y, halved(b, 'hundred', [100, 100])])]), 'z')
    })
    lower(model, webgpuF16, {})
    expect(opsOf(model)).toEqual(['Add', 'Mul', 'Add', 'Div', 'Cast', 'Relu', 'Cast'])
    expect(await run(model, [65504, 1])).toEqual([6 * 65504, 6])
  })

  it('as a constant stays float32 for those who read it', async () => {
    const model = buildModel((b) => {
      const limited = b.node('Min', [b.node('Add', [b.input('x', [2]), halved(b, 'one', [1, 1])]), b.constant('limit', [1e9, 1e9])])
      b.output(b.node('Add', [limited, halved(b, 'two', [2, 2])]), 'y')
    })
    lower(model, webgpuF16, {})
    expect([...model.graph.initializers].map((value) => [value.name, value.tensor!.type])).toEqual([
      ['one', 'float16'],
      ['limit', 'float32'],
      ['two', 'float16'],
    ])
    expect(await run(model, [1, 2])).toEqual([4, 5])
  })

  it('inside a branch is kept apart there', async () => {
    const model = buildModel((b) => {
      const x = b.input('x', [2])
      const flag = b.node('Greater', [b.node('ReduceMax', [x], { keepdims: 0 }), b.constant('limit', 1)])
      const branch = (inner: GraphBuilder) =>
        inner.node('Div', [tooLarge(inner.node('Mul', [x, inner.constant('big', 1e5)])), inner.constant('area', 1e5)])
      b.output(b.node('Add', [b.branches(flag, branch, branch), halved(b, 'one', [1, 1])]), 'y')
    })
    lower(model, webgpuF16, {})
    expect(await run(model, [1, 2])).toEqual([2, 3])
  })

  it('at a node that owns graphs makes all compute in float32, and the report says so', async () => {
    const model = buildModel((b) => {
      const x = b.input('x', [2])
      const flag = b.node('Greater', [b.node('ReduceMax', [x], { keepdims: 0 }), b.constant('limit', 1)])
      const branch = (inner: GraphBuilder) => inner.node('Mul', [x, inner.constant('big', 1e5)])
      b.output(b.node('Div', [tooLarge(b.branches(flag, branch, branch)), halved(b, 'area', [1000, 1000])]), 'y')
    })
    const { skipped, stored } = lower(model, webgpuF16, {})
    expect(skipped[0]!.why).toMatch(/^'.*' of If '.*' is too large for float16: all computes in float32$/)
    expect(stored).toEqual(['area'])
    expect(await run(model, [1, 2])).toEqual([100, 200])
  })
})

it('what is quantized already stays float32 around its integers', async () => {
  const model = buildModel((b) => {
    const [scale, zero] = [b.constant('scale', 0.1), b.constant('zero', Tensor.of('uint8', [], [128]))]
    const x = b.node('Mul', [b.input('x', [2]), halved(b, 'one', [1, 1])])
    const q = b.node('QuantizeLinear', [x, scale, zero])
    b.output(b.node('Add', [b.node('DequantizeLinear', [q, scale, zero]), halved(b, 'two', [2, 2])]), 'y')
  })
  const inputs = { x: Tensor.float32([2], [0.52, -3]) }
  const expected = (await runModel(model, inputs))['y']!.toNumbers()
  const { skipped } = lower(model, webgpuF16, {})
  expect(skipped.map(({ why }) => why)).toEqual(new Array(2).fill('it is quantized already: it computes in float32'))
  const given = await run(model, [0.52, -3])
  given.forEach((item, at) => expect(item).toBeCloseTo(expected[at]!, 2))
})

it('weights of 8 bits stay so beside float16', async () => {
  const model = buildModel((b) => {
    const { data, quantization } = quantizeTensor(b.random([6, 6]).toFloat32(), [6, 6], {
      bits: 8,
      range: 'mse',
      axis: 1,
      symmetric: false,
    })
    const weight = b.constant('w', Tensor.float32([6, 6], data))
    weight.quantization = quantization
    b.output(b.node('Add', [b.node('MatMul', [b.input('x', [1, 6]), weight]), halved(b, 'bias', [1, 2, 3, 4, 5, 6])]), 'y')
  })
  const inputs = { x: Tensor.float32([1, 6], [1, -2, 3, -4, 5, -6]) }
  const expected = (await runModel(model, inputs))['y']!.toNumbers()
  expect(lower(model, webgpuF16, {}).stored).toEqual(['w'])
  expect([...model.graph.initializers].map((value) => value.tensor!.type)).not.toContain('float32')
  const given = (await runModel(writeOnnx(model), inputs))['y']!.toNumbers()
  given.forEach((item, at) => expect(Math.abs(item - expected[at]!)).toBeLessThan(0.05))
})

import { type Model, Tensor } from '@whittle/ir'
import { readOnnxFile } from '@whittle/ir/onnx'
import { TARGETS, wasm, webgpu, webgpuF16, webnnCpu, webnnNpu } from '@whittle/targets'
import { type GraphBuilder, buildModel, fixture } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { MANY_PARTITIONS, forecast, lower } from '../src/index.ts'

const scale = (b: GraphBuilder) => b.constant('scale', 0.1)
const zero = (b: GraphBuilder) => b.constant('zero', Tensor.of('uint8', [], [0]))

/** x[1, 8] -> Relu -> QuantizeLinear -> DequantizeLinear -> Sigmoid, `times` over. */
const roundTrips = (times: number): Model =>
  buildModel((b) => {
    let x = b.input('x', [1, 8])
    for (let index = 0; index < times; index++) {
      const rounded = b.node('QuantizeLinear', [b.node('Relu', [x]), scale(b), zero(b)])
      x = b.node('Sigmoid', [b.node('DequantizeLinear', [rounded, scale(b), zero(b)])])
    }
    b.output(x)
  })

describe('on a small graph', () => {
  it('counts what falls back, the parts that it makes, and the bytes that cross', () => {
    // On the provider: Relu | DequantizeLinear, Sigmoid. 8 floats go to the CPU, 8 uint8 come back.
    expect(forecast(roundTrips(1), webgpu)).toEqual({
      target: 'webgpu',
      untested: true,
      nodes: { provider: 3, cpu: 1, shape: 0, folded: 0 },
      partitions: 2,
      crossing: { values: 2, bytes: 8 * 4 + 8, exact: true },
      // Each of the four nodes counts as the least that was measured of any; one round trip is far more.
      cost: { crossings: 470, cpu: 10.1, wasm: 40.2, relative: expect.closeTo((470 + 10.05) / 40.2, 1) },
      verdict: 'poor',
      fallbacks: [{ at: "QuantizeLinear 'quantizelinear_out'", why: 'no kernel for QuantizeLinear' }],
      warnings: [expect.stringMatching(/^1 of 4 nodes .* into 2 parts, .* at least 11.9 times as long as all takes on wasm \(untested\)$/)],
    })
  })

  it('tells what packed weights take, whose dims are not their channels', () => {
    const model = buildModel((b) => {
      const packed = [
        b.constant('q', Tensor.of('uint8', [32, 2, 16], new Uint8Array(1024))),
        b.constant('s', Tensor.float32([32, 2], new Float32Array(64))),
      ]
      const product = b.node(
        'MatMulNBits',
        [b.input('x', [1, 64]), ...packed],
        { K: 64, N: 32, bits: 4, block_size: 32 },
        { domain: 'com.microsoft' },
      )
      b.output(b.node('Sigmoid', [b.node('Round', [product])]))
    })
    model.opsets.set('com.microsoft', 1)
    const { cost } = forecast(model, webgpu)
    expect(cost!.wasm).toBeGreaterThan(0)
    expect(cost!.relative).toBeGreaterThan(1)
  })

  it('leaves the model as it was', () => {
    const model = roundTrips(1)
    const nodes = [...model.nodes()]
    forecast(model, webgpu)
    expect([...model.nodes()]).toEqual(nodes)
  })

  it('counts a value once, however many nodes read it', () => {
    const model = buildModel((b) => {
      const x = b.node('Relu', [b.input('x', [2, 8])])
      const [first, second] = [b.node('Round', [x]), b.node('Sign', [x])]
      b.output(b.node('Add', [first, second]))
    })
    // Relu's output goes over once; both results come back.
    expect(forecast(model, webgpu)).toMatchObject({
      nodes: { provider: 2, cpu: 2 },
      partitions: 2,
      crossing: { values: 3, bytes: 3 * 64, exact: true },
    })
  })

  it('has one part where a node of the CPU stands between in order, but not in the flow', () => {
    const model = buildModel((b) => {
      const x = b.node('Relu', [b.input('x', [4])])
      b.output(b.node('Round', [b.input('z', [4])]))
      b.output(b.node('Sigmoid', [x]))
    })
    expect(forecast(model, webgpu)).toMatchObject({ nodes: { provider: 2, cpu: 1 }, partitions: 1, crossing: { values: 0, bytes: 0 } })
  })

  it('takes the sizes of a typical run, and else counts free dimensions as 1 and says so', () => {
    const model = buildModel((b) => {
      b.output(b.node('Round', [b.node('Relu', [b.input('x', ['N', 8])])]))
    })
    expect(forecast(model, webgpu).crossing).toEqual({ values: 1, bytes: 32, exact: false })
    expect(forecast(model, webgpu, { x: [5, 8] }).crossing).toEqual({ values: 1, bytes: 160, exact: true })
  })

  it('does not count what is computed when the session is made', () => {
    const model = buildModel((b) => {
      const weight = b.node('Cast', [b.constant('w', Tensor.of('int8', [8, 4], new Int8Array(32)))], { to: 1 })
      const unfolded = b.node('Mul', [weight, scale(b)])
      b.output(b.node('MatMul', [b.input('x', [1, 8]), unfolded]))
    })
    // Cast of int8 would be the CPU's.
    expect(forecast(model, webgpu)).toMatchObject({ nodes: { provider: 1, cpu: 0, shape: 0, folded: 2 }, partitions: 1 })
  })

  it('counts DequantizeLinear of a constant, which the runtime does not fold', () => {
    const model = buildModel((b) => {
      const weight = b.node('DequantizeLinear', [b.constant('w', Tensor.of('int8', [8, 4], new Int8Array(32))), scale(b)])
      b.output(b.node('MatMul', [b.input('x', [1, 8]), weight]))
    })
    expect(forecast(model, webgpu).nodes).toEqual({ provider: 2, cpu: 0, shape: 0, folded: 0 })
  })
})

describe('sizes', () => {
  /** x[N, 3, 8] -> Relu -> Reshape to [N, 24], where N is read from the input. */
  const flattened = (batch: number | string): Model =>
    buildModel((b) => {
      const x = b.node('Relu', [b.input('x', [batch, 3, 8])])
      const first = b.node('Gather', [b.node('Shape', [x]), b.constant('at', b.int64([0]))])
      const shape = b.node('Concat', [first, b.constant('rest', b.int64([-1]))], { axis: 0 })
      b.output(b.node('Reshape', [x, shape]))
    })

  it('are computed on the CPU, apart from what falls back, and nothing waits or crosses for them', () => {
    expect(forecast(flattened('N'), webgpu)).toMatchObject({
      nodes: { provider: 3, cpu: 0, shape: 2, folded: 0 },
      partitions: 1,
      crossing: { values: 0, bytes: 0, exact: true },
      fallbacks: [],
    })
  })

  it('are known when the session is made where the model fixes them, or the target has to', () => {
    expect(forecast(flattened(2), webgpu).nodes).toEqual({ provider: 2, cpu: 0, shape: 0, folded: 3 })
    expect(forecast(flattened('N'), webnnNpu, { x: [2, 3, 8] }).nodes).toEqual({ provider: 2, cpu: 0, shape: 0, folded: 3 })
  })
})

describe('what the overlay says', () => {
  const typed = (type: 'int64' | 'int32', op: string): Model =>
    buildModel((b) => {
      b.output(b.node(op, [b.input('x', [4], type), b.input('y', [4], type)]))
    })

  it('keeps int64 from WebGPU, and takes int32', () => {
    expect(forecast(typed('int64', 'Add'), webgpu).fallbacks[0]?.why).toBe('Add only of float32, float16, int32, uint32, not of int64')
    expect(forecast(typed('int32', 'Add'), webgpu).nodes).toMatchObject({ provider: 1, cpu: 0 })
  })

  it('asks WebNN nodes for constants, ranks and values of attributes', () => {
    const why = (build: (b: GraphBuilder) => void) => forecast(buildModel(build), webnnCpu).fallbacks.map((entry) => entry.why)
    expect(why((b) => b.output(b.node('Expand', [b.input('x', [1]), b.input('s', [1], 'int64')])))).toEqual([
      "Expand only with a constant as input 1 ('s')",
    ])
    expect(why((b) => b.output(b.node('GlobalAveragePool', [b.input('x', [1, 2, 3])])))).toEqual([
      'GlobalAveragePool only of 4 dimensions, not 3',
    ])
    expect(
      why((b) => {
        const sizes = b.constant('scales', Tensor.float32([4], [1, 1, 2, 2]))
        b.output(b.node('Resize', [b.input('x', [1, 2, 3, 3]), undefined, sizes], { mode: 'cubic' }))
      }),
    ).toEqual(['Resize only with mode nearest, linear, not cubic'])
  })

  it('names the versions of an op that a provider has', () => {
    const model = buildModel((b) => b.output(b.node('Clip', [b.input('x', [4])])))
    model.opsets.set('', 9)
    expect(forecast(model, webgpu).fallbacks[0]?.why).toBe('Clip only of opset 11 and later, not 9')
  })

  it('warns of what makes a model fail instead of falling back', () => {
    const model = buildModel((b) => {
      b.output(b.node('DequantizeLinear', [b.input('x', [4], 'uint8'), scale(b)]))
    })
    expect(forecast(model, webnnCpu).verdict).toBe('fails')
    expect(forecast(model, webnnCpu).warnings).toEqual([
      "DequantizeLinear 'dequantizelinear_out' makes the model fail on webnn-cpu: DequantizeLinear only with input 2",
    ])
  })
})

describe('subgraphs', () => {
  it('of an If on the provider break it further only where they are broken themselves, and one of them runs', () => {
    const model = buildModel((b) => {
      const x = b.node('Relu', [b.input('x', [4])])
      const y = b.branches(
        b.input('c', [], 'bool'),
        (yes) => yes.node('Abs', [yes.node('Round', [yes.node('Neg', [x])])]),
        (no) => no.node('Exp', [x]),
      )
      b.output(b.node('Sigmoid', [y]))
    })
    // Relu, If with Neg | Round on the CPU | Abs, Sigmoid.
    expect(forecast(model, webgpu)).toMatchObject({ nodes: { provider: 6, cpu: 1 }, partitions: 2, crossing: { values: 2, bytes: 32 } })
  })
})

it('wasm runs everything, in one part, and that is no forecast', () => {
  expect(forecast(roundTrips(2), wasm)).toEqual({
    target: 'wasm',
    untested: false,
    nodes: { provider: 8, cpu: 0, shape: 0, folded: 0 },
    partitions: 1,
    crossing: { values: 0, bytes: 0, exact: true },
    verdict: 'well',
    fallbacks: [],
    warnings: [],
  })
})

it('every other target is untested', () => {
  for (const target of TARGETS) expect(forecast(roundTrips(1), target).untested, target.name).toBe(target.provider !== 'wasm')
})

describe('what crossings cost', () => {
  /** MatMuls of 1024 x 1024 between `times` ops that WebGPU lacks. */
  const large = (times: number): Model =>
    buildModel((b) => {
      let x = b.node('MatMul', [b.input('x', [64, 1024]), b.weight('w', [1024, 1024])])
      for (let block = 0; block < times; block++) x = b.node('MatMul', [b.node('Round', [x]), b.weight(`w${block}`, [1024, 1024])])
      b.output(x)
    })

  it('is little beside much work: many parts are warned of, and no more', () => {
    expect(forecast(large(MANY_PARTITIONS - 1), webgpu)).toMatchObject({ partitions: MANY_PARTITIONS, verdict: 'well', warnings: [] })
    const { cost, partitions, verdict, warnings } = forecast(large(MANY_PARTITIONS), webgpu)
    expect([partitions, verdict]).toEqual([MANY_PARTITIONS + 1, 'well'])
    expect(cost!.relative).toBeLessThan(0.5)
    const bytes = 2 * MANY_PARTITIONS * 64 * 1024 * 4
    expect(cost!.crossings).toBeCloseTo(MANY_PARTITIONS * webgpu.crossing!.perCrossing + bytes * 1e-6 * webgpu.crossing!.perMillionBytes, 0)
    expect(warnings).toEqual([
      '4 of 9 nodes are forecast to run on the CPU on webgpu, most of them Round: that breaks it into 5 parts, with 2097.2 kB copied in a run, and may be slower than wasm (untested)',
    ])
  })

  it('is nothing where the provider is left with nothing, and that is poor all the same', () => {
    const model = buildModel((b) => b.output(b.node('Round', [b.input('x', [4])])))
    expect(forecast(model, webgpu)).toMatchObject({ partitions: 0, cost: { crossings: 0, relative: 1 }, verdict: 'poor' })
    expect(forecast(model, webgpu).warnings).toEqual([
      '1 of 1 nodes are forecast to run on the CPU on webgpu, most of them Round: nothing is left for it to do (untested)',
    ])
  })

  it('is not held against a target where the work is not known', () => {
    const model = buildModel((b) => {
      const x = b.node('MatMul', [b.input('x', ['N', 8]), b.weight('w', [8, 8])])
      b.output(b.node('Relu', [b.node('Round', [x])]))
    })
    expect(forecast(model, webgpu)).toMatchObject({ partitions: 2, cost: { wasm: null, relative: null }, verdict: 'well' })
    expect(forecast(model, webgpu, { x: [1, 8] }).verdict).toBe('poor')
  })
})

it('warns of a tensor that not every device can bind', () => {
  const model = buildModel((b) => {
    b.output(b.node('Relu', [b.input('x', [2 ** 25 + 1])]))
  })
  expect(forecast(model, webgpu).warnings).toEqual(["'x' and 1 more takes more than the 128 MiB that every device of webgpu can bind"])
  expect(forecast(model, wasm).warnings).toEqual([])
})

describe('the direction classifier', () => {
  const shapes = { x: [1, 3, 48, 192] }
  const { model } = readOnnxFile(fixture('direction'))

  // As onnxruntime-web 1.30 places it in Chromium 147 when its inputs are pinned: all on the provider.
  it('runs on WebGPU and WebNN as a whole where its inputs are pinned', () => {
    const pinned = model.clone()
    pinned.graph.inputs[0]!.shape = [...shapes.x]
    for (const target of [webgpu, webgpuF16, webnnCpu])
      expect(forecast(pinned, target, shapes)).toMatchObject({ nodes: { cpu: 0, shape: 0 }, partitions: 1, fallbacks: [] })
  })

  it('keeps the arithmetic on its free sizes on the CPU', () => {
    const { nodes, partitions, crossing } = forecast(model, webgpu, shapes)
    expect(nodes).toMatchObject({ cpu: 0, shape: 3 })
    // One int32 goes through a Cast on the provider, which has no int64 to int32, but has the way back.
    expect([partitions, crossing]).toEqual([2, { values: 2, bytes: 12, exact: true }])
  })

  it('stays whole on WebGPU when it is lowered for it', () => {
    const lowered = model.clone()
    lower(lowered, webgpu, shapes)
    expect(forecast(lowered, webgpu, shapes).nodes.cpu).toBe(0)
  })
})

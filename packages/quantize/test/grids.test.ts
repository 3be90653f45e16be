import { type Model, Tensor, compress, createRandom } from '@whittle/ir'
import { type QuantizeOptions, quantize } from '@whittle/quantize'
import { buildModel, differenceOf, randomInputs, runModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'
import { context, valueOf } from './harness.ts'

/** One node with a constant `w` of these dims, and the axes of its grids: that of its channels, and that of its blocks. */
interface Case {
  op: string
  dims: number[]
  input: number[]
  attributes?: Record<string, number | number[] | string>
  channels: number
  /** Axis and size of blocks of 16 weights; undefined where a channel has fewer. */
  blocks?: [axis: number, size: number]
  /** Scales with one a channel, where that is not the size of its axis. */
  scales?: number
}

const cases: Record<string, Case> = {
  'a Conv in one dimension': { op: 'Conv', dims: [6, 20, 3], input: [1, 20, 7], channels: 0, blocks: [1, 5] },
  'a Conv in two dimensions': { op: 'Conv', dims: [6, 8, 3, 3], input: [1, 8, 5, 5], channels: 0, blocks: [1, 2] },
  'a Conv in three dimensions': { op: 'Conv', dims: [4, 3, 2, 2, 2], input: [1, 3, 4, 4, 4], channels: 0, blocks: [1, 2] },
  'a grouped Conv': { op: 'Conv', dims: [6, 20, 1, 1], input: [1, 40, 3, 3], attributes: { group: 2 }, channels: 0, blocks: [1, 16] },
  'a depthwise Conv': { op: 'Conv', dims: [40, 1, 3, 3], input: [1, 40, 5, 5], attributes: { group: 40 }, channels: 0 },
  'a ConvTranspose': { op: 'ConvTranspose', dims: [20, 6, 2, 2], input: [1, 20, 3, 3], channels: 1, blocks: [0, 4] },
  'a grouped ConvTranspose': {
    op: 'ConvTranspose',
    dims: [20, 6, 2, 2],
    input: [1, 20, 3, 3],
    attributes: { group: 2 },
    channels: 1,
    blocks: [0, 4],
  },
  'a Gemm': { op: 'Gemm', dims: [40, 6], input: [2, 40], channels: 1, blocks: [0, 16] },
  'a Gemm with transB': { op: 'Gemm', dims: [6, 40], input: [2, 40], attributes: { transB: 1 }, channels: 0, blocks: [1, 16] },
  'a MatMul': { op: 'MatMul', dims: [40, 6], input: [2, 40], channels: 1, blocks: [0, 16] },
  'a MatMul of many matrices': { op: 'MatMul', dims: [3, 40, 6], input: [3, 2, 40], channels: 2, blocks: [1, 5] },
  'an RNN': { op: 'RNN', dims: [1, 5, 40], input: [4, 1, 40], attributes: { hidden_size: 5 }, channels: 1, blocks: [2, 16] },
  'a GRU': { op: 'GRU', dims: [1, 15, 40], input: [4, 1, 40], attributes: { hidden_size: 5 }, channels: 1, blocks: [2, 16] },
  'an LSTM of two directions': {
    op: 'LSTM',
    dims: [2, 20, 40],
    input: [4, 1, 40],
    attributes: { hidden_size: 5, direction: 'bidirectional' },
    channels: 1,
    blocks: [2, 16],
    scales: 40,
  },
}

function modelOf({ op, dims, input, attributes = {} }: Case): Model {
  return buildModel((b) => {
    const [x, w] = [b.input('x', input), b.weight('w', dims)]
    const gates = { RNN: 1, GRU: 3, LSTM: 4 }[op]
    const more = gates === undefined ? [] : [b.weight('r', [dims[0]!, gates * 5, 5])]
    b.output(b.node(op, [x, w, ...more], attributes), 'y')
  })
}

const run = async (model: Model, options: QuantizeOptions): Promise<{ model: Model; changed: { at: string; what: string }[] }> => {
  const { model: after, reports } = await compress(model, [quantize({ minSize: 0, ...options })], context())
  return { model: after, changed: reports[0]!.changed }
}

describe.each(Object.entries(cases))('the weights of %s', (_, item) => {
  test.each<[string, QuantizeOptions]>([
    ['channels', {}],
    ['blocks', { granularity: 'block', block: 16 }],
    ['zero points', { symmetric: false }],
    ['blocks and zero points by hqq', { granularity: 'block', block: 16, symmetric: false, rounding: 'hqq' }],
    ['levels', { levels: 'kmeans' }],
    ['steps by entropy', { levels: 'entropy', bits: 5 }],
  ])('take part, in %s, and keep what the node gives', async (_form, options) => {
    const before = modelOf(item)
    const { model } = await run(before, options)
    const { quantization } = valueOf(model, 'w')
    const size = item.dims[item.channels]!
    const blocks = options.granularity === 'block' ? item.blocks : undefined
    const directions = item.op === 'LSTM' && !blocks ? { axis: 0, size: 1 } : undefined
    const kind = options.levels === 'kmeans' ? 'codebook' : 'integer'
    expect(quantization).toMatchObject({ kind, axis: item.channels, ...(options.levels === 'entropy' ? {} : { bits: 8 }) })
    if (!quantization || !('scale' in quantization)) throw new Error('no grid')
    expect(quantization.block).toEqual(blocks ? { axis: blocks[0], size: blocks[1] } : directions)
    const scales = blocks ? size * Math.ceil(item.dims[blocks[0]]! / blocks[1]) : (item.scales ?? size)
    expect(quantization.scale).toHaveLength(scales)
    const inputs = randomInputs(before, createRandom('x'))
    const [a, b] = [await runModel(before, inputs), await runModel(model, inputs)]
    expect(differenceOf(a['y']!, b['y']!)).toBeLessThan(options.bits ? 0.25 : 0.05)
    expect(differenceOf(a['y']!, b['y']!)).toBeGreaterThan(0)
    expect((await run(model, options)).changed).toEqual([])
  })
})

test('a table has blocks along its rows, which are what is read', async () => {
  const model = buildModel((b) => void b.output(b.node('Gather', [b.weight('w', [30, 40]), b.input('x', [3], 'int64')]), 'y'))
  const grid = (await run(model, { granularity: 'block' })).model
  expect(valueOf(grid, 'w').quantization).toMatchObject({ axis: 0, block: { axis: 1, size: 32 }, scale: { length: 60 } })
  const narrow = (await run(model, { granularity: 'block', block: 64 })).model
  expect(valueOf(narrow, 'w').quantization).toMatchObject({ axis: 0, scale: { length: 30 } })
})

test('a scan body, a loop and the graph around them take part, a shared weight once', async () => {
  const model = buildModel((b) => {
    const [x, shared] = [b.input('x', [1, 6]), b.weight('shared', [6, 6])]
    const scan = b.graph.addNode({
      op: 'Scan',
      inputs: [x, b.node('Reshape', [x, b.constant('shape', b.int64([6, 1, 1]))])],
      outputs: ['s', 'ys'],
    })
    const body = b.graph.addSubgraph(scan, 'body')
    const [state, step] = [body.addInput('state', 'float32', [1, 6]), body.addInput('step', 'float32', [1, 1])]
    const own = body.addInitializer('own', b.random([6, 6]))
    const inner = body.addNode({ op: 'MatMul', inputs: [body.addNode({ op: 'MatMul', inputs: [state, shared] }).output, own] }).output
    const next = body.addNode({ op: 'Add', inputs: [inner, step] }).output
    body.setOutputs([next, body.addNode({ op: 'Identity', inputs: [next] }).output])
    scan.attributes.set('body', { type: 'graph', value: body })
    scan.attributes.set('num_scan_inputs', { type: 'int', value: 1 })
    b.output(b.node('MatMul', [scan.outputs[0], shared]), 'y')
  })
  const { model: after, changed } = await run(model, {})
  expect(changed.map(({ at }) => at)).toEqual(['shared', 'own'])
  const inputs = randomInputs(model, createRandom('x'))
  expect(differenceOf((await runModel(model, inputs))['y']!, (await runModel(after, inputs))['y']!)).toBeLessThan(0.05)
})

test.each<[QuantizeOptions, string]>([
  [{ block: 8 }, 'a whole number from 16 to 256 for block, received 8'],
  [{ symmetric: 'no' as never }, "true or false for symmetric, received 'no'"],
  [{ levels: 'cubic' as never }, "'uniform', 'kmeans' or 'entropy' for levels, received 'cubic'"],
  [{ rounding: 'gptq', granularity: 'block' }, "'channel' with rounding 'gptq' for granularity, received 'block'"],
  [{ rounding: 'gptq', symmetric: false }, "true with rounding 'gptq' for symmetric, received false"],
  [{ levels: 'kmeans', rounding: 'hqq' }, "'nearest' with levels 'kmeans' for rounding, received 'hqq'"],
  [{ levels: 'kmeans', symmetric: false }, "true with levels 'kmeans' for symmetric, received false"],
])('refuses %j', (options, message) => {
  expect(() => quantize(options)).toThrow(`quantize: expected ${message}`)
})

test('channels of zeros, a huge outlier and tiny numbers give finite weights in every form', async () => {
  const model = buildModel((b) => {
    const data = b.random([48, 6]).toFloat32().slice()
    for (let row = 0; row < 48; row++) {
      data[row * 6] = 0
      data[row * 6 + 1]! *= 1e-40
    }
    data[2] = 1e30
    b.output(b.node('MatMul', [b.input('x', [1, 48]), b.constant('w', Tensor.float32([48, 6], data))]), 'y')
  })
  for (const bits of [2, 8])
    for (const granularity of ['channel', 'tensor', 'block'] as const)
      for (const more of [
        {},
        { symmetric: false },
        { rounding: 'hqq' },
        { symmetric: false, rounding: 'hqq' },
        { levels: 'kmeans' },
      ] as const) {
        const after = valueOf((await run(model, { bits, granularity, ...more })).model, 'w').tensor!.toFloat32()
        expect(after.every(Number.isFinite)).toBe(true)
        expect(Math.abs(after[2]! / 1e30 - 1), `${bits} ${granularity} ${JSON.stringify(more)}`).toBeLessThan(0.34)
        // A channel of its own keeps its zeros.
        if (granularity !== 'tensor') for (let row = 0; row < 48; row++) expect(Math.abs(after[row * 6]!)).toBe(0)
      }
})

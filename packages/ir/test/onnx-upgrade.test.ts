import { describe, expect, test } from 'vitest'
import {
  type AttributeLike,
  type Dim,
  type ElementType,
  INNER_OPSET,
  Model,
  Tensor,
  type Value,
  WhittleError,
  createRandom,
  validate,
} from '@whittle/ir'
import { readOnnx, writeOnnx } from '@whittle/ir/onnx'
import { upgradeRules } from '../src/onnx/upgrade/index.ts'
import { randomInputs, runModel } from '@whittle/testing'

interface Case {
  title: string
  opset: number
  op: string
  /** Shapes of float inputs, constants, or undefined for an input that is left out. */
  inputs: (Dim[] | Tensor | undefined)[]
  type?: ElementType
  attributes?: Record<string, AttributeLike>
  outputs?: ElementType[]
  /** Puts the op behind a node of which the file states no shape. */
  hidden?: boolean
}

const int64 = (...values: number[]): Tensor => Tensor.int64([values.length], values)
const floats = (...value: number[]) => ({ type: 'floats', value }) as const
const float = (value: number) => ({ type: 'float', value }) as const
const picture: Dim[] = [1, 2, 5, 6]

const CASES: Case[] = [
  { title: 'Squeeze: axes', opset: 7, op: 'Squeeze', inputs: [[1, 3, 1, 2]], attributes: { axes: [0, 2] } },
  { title: 'Squeeze: all axes of size 1', opset: 11, op: 'Squeeze', inputs: [[1, 3, 1, 2]] },
  { title: 'Unsqueeze: axes', opset: 11, op: 'Unsqueeze', inputs: [[3, 2]], attributes: { axes: [-1, 0] } },
  { title: 'ReduceSum: axes', opset: 9, op: 'ReduceSum', inputs: [[2, 3, 4]], attributes: { axes: [1], keepdims: 0 } },
  ...['L1', 'L2', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'].map((name) => ({
    title: `Reduce${name}: axes`,
    opset: 13,
    op: `Reduce${name}`,
    inputs: [[2, 3, 4]],
    attributes: { axes: [0, -1] },
  })),
  { title: 'ReduceMean: no axes', opset: 13, op: 'ReduceMean', inputs: [[2, 3]], attributes: { keepdims: 0 } },
  { title: 'Slice: attributes', opset: 7, op: 'Slice', inputs: [[4, 6]], attributes: { starts: [1, 0], ends: [3, -2], axes: [0, 1] } },
  { title: 'Slice: without axes', opset: 9, op: 'Slice', inputs: [[4, 6]], attributes: { starts: [1], ends: [1000] } },
  {
    title: 'Split: sizes',
    opset: 11,
    op: 'Split',
    inputs: [[2, 6]],
    attributes: { axis: 1, split: [1, 5] },
    outputs: ['float32', 'float32'],
  },
  { title: 'Split: equal parts', opset: 7, op: 'Split', inputs: [[6, 2]], outputs: ['float32', 'float32', 'float32'] },
  { title: 'Split: equal parts', opset: 13, op: 'Split', inputs: [[6, 2]], outputs: ['float32', 'float32'] },
  { title: 'Split: sizes as an input', opset: 13, op: 'Split', inputs: [[6, 2], int64(4, 2)], outputs: ['float32', 'float32'] },
  { title: 'TopK: k', opset: 9, op: 'TopK', inputs: [[3, 5]], attributes: { k: 2, axis: 1 }, outputs: ['float32', 'int64'] },
  { title: 'DFT: axis by default', opset: 17, op: 'DFT', inputs: [[1, 4, 6, 2]] },
  ...['Softmax', 'LogSoftmax', 'Hardmax'].flatMap((op) => [
    { title: `${op}: by default`, opset: 9, op, inputs: [[2, 3, 4]] },
    { title: `${op}: all axes`, opset: 11, op, inputs: [[2, 3, 4]], attributes: { axis: 0 } },
    { title: `${op}: the last axis`, opset: 11, op, inputs: [[2, 3, 4]], attributes: { axis: 2 } },
    { title: `${op}: from the back`, opset: 11, op, inputs: [[2, 3, 4]], attributes: { axis: -2 } },
    { title: `${op}: unstated shape`, opset: 9, op, inputs: [[2, 3, 4]], attributes: { axis: 1 }, hidden: true },
  ]),
  {
    title: 'BatchNormalization: spatial',
    opset: 7,
    op: 'BatchNormalization',
    inputs: [picture, ...statistics(2)],
    attributes: { spatial: 1 },
  },
  {
    title: 'BatchNormalization: same',
    opset: 9,
    op: 'BatchNormalization',
    inputs: [picture, ...statistics(2)],
    attributes: { epsilon: float(0.1) },
  },
  {
    title: 'GroupNormalization: scale of a group',
    opset: 18,
    op: 'GroupNormalization',
    inputs: [[1, 6, 3, 2], Tensor.float32([2], [1, 2]), Tensor.float32([2], [3, -1])],
    attributes: { num_groups: 2 },
  },
  { title: 'Upsample: scales', opset: 7, op: 'Upsample', inputs: [picture], attributes: { scales: floats(1, 1, 2, 3) } },
  { title: 'Upsample: broken scales', opset: 7, op: 'Upsample', inputs: [picture], attributes: { scales: floats(1, 1, 1.3, 2.7) } },
  { title: 'Upsample: linear', opset: 9, op: 'Upsample', inputs: [picture, scales(1, 1, 2, 1.5)], attributes: { mode: 'linear' } },
  { title: 'Resize: enlarge', opset: 10, op: 'Resize', inputs: [picture, scales(1, 1, 1.7, 2.2)] },
  { title: 'Resize: shrink', opset: 10, op: 'Resize', inputs: [picture, scales(1, 1, 0.7, 0.6)] },
  { title: 'Resize: halve and double', opset: 10, op: 'Resize', inputs: [picture, scales(1, 1, 2, 0.5)] },
  { title: 'Resize: linear', opset: 10, op: 'Resize', inputs: [picture, scales(1, 1, 0.6, 1.7)], attributes: { mode: 'linear' } },
  {
    title: 'Resize: the half pixel of TensorFlow',
    opset: 11,
    op: 'Resize',
    inputs: [picture, Tensor.float32([0], []), scales(1, 1, 1.5, 2.5)],
    attributes: { coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'floor' },
  },
  {
    title: "Resize: TensorFlow's half pixel, by default",
    opset: 11,
    op: 'Resize',
    inputs: [picture, Tensor.float32([0], []), scales(1, 1, 1.5, 0.6)],
    attributes: { coordinate_transformation_mode: 'tf_half_pixel_for_nn' },
  },
  {
    title: 'Resize: sizes',
    opset: 11,
    op: 'Resize',
    inputs: [picture, Tensor.float32([0], []), Tensor.float32([0], []), int64(1, 2, 7, 3)],
  },
  { title: 'Clip: both', opset: 7, op: 'Clip', inputs: [[2, 9]], attributes: { min: float(-0.5), max: float(0.75) } },
  { title: 'Clip: one', opset: 10, op: 'Clip', inputs: [[2, 9]], attributes: { max: float(0) } },
  { title: 'Clip: none', opset: 10, op: 'Clip', inputs: [[2, 9]] },
  { title: 'Clip: unstated type', opset: 9, op: 'Clip', inputs: [[2, 9]], attributes: { min: float(0), max: float(6) }, hidden: true },
  { title: 'Pad: zeros', opset: 7, op: 'Pad', inputs: [[2, 3]], attributes: { pads: [1, 0, 0, 2] } },
  { title: 'Pad: a value', opset: 10, op: 'Pad', inputs: [[2, 3]], attributes: { pads: [1, -1, 0, 2], value: float(1.5) } },
  {
    title: 'Pad: a value in doubles',
    opset: 10,
    op: 'Pad',
    type: 'float64',
    inputs: [[2, 3]],
    attributes: { pads: [1, 0, 0, 0], value: float(2) },
  },
  { title: 'Pad: reflected', opset: 10, op: 'Pad', inputs: [[2, 3]], attributes: { pads: [0, 2, 0, 1], mode: 'reflect' }, hidden: true },
  { title: 'Dropout: one output', opset: 7, op: 'Dropout', inputs: [[2, 3]], attributes: { ratio: float(0.3) } },
  { title: 'Dropout: ratio', opset: 10, op: 'Dropout', inputs: [[2, 3]], attributes: { ratio: float(0.3) } },
  { title: 'Scatter', opset: 9, op: 'Scatter', inputs: [[3, 3], Tensor.int64([2, 3], [1, 0, 2, 0, 2, 1]), [2, 3]] },
  {
    title: 'RoiAlign: without half pixels',
    opset: 10,
    op: 'RoiAlign',
    inputs: [[1, 1, 6, 6], Tensor.float32([1, 4], [0.4, 0.7, 4.1, 5.2]), int64(0)],
    attributes: { output_height: 2, output_width: 3, sampling_ratio: 2 },
  },
  ...['bilinear', 'bicubic', 'nearest'].map((mode) => ({
    title: `GridSample: ${mode}`,
    opset: 16,
    op: 'GridSample',
    inputs: [[1, 1, 4, 4], Tensor.float32([1, 2, 2, 2], [-0.7, 0.1, 0.3, 0.9, -0.2, -0.4, 0.6, 0.5])],
    attributes: { mode },
  })),
  { title: 'Gemm', opset: 7, op: 'Gemm', inputs: [[2, 3], [3, 4], [4]] },
  { title: 'MaxPool', opset: 7, op: 'MaxPool', inputs: [picture], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  { title: 'AveragePool', opset: 7, op: 'AveragePool', inputs: [picture], attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } },
  { title: 'PRelu', opset: 7, op: 'PRelu', inputs: [[2, 3], Tensor.float32([3], [0.1, 0.2, 0.3])] },
]

function statistics(channels: number): Tensor[] {
  const random = createRandom('statistics')
  return [0, 1, 2, 3].map(() =>
    Tensor.float32(
      [channels],
      Array.from({ length: channels }, () => 0.5 + random.next()),
    ),
  )
}

function scales(...values: number[]): Tensor {
  return Tensor.float32([values.length], values)
}

function build({ opset, op, inputs, type = 'float32', attributes, outputs = [type], hidden }: Case): Model {
  const model = new Model('old', opset)
  const { graph } = model
  const values = inputs.map((input, index): Value | undefined => {
    if (!input) return undefined
    if (input instanceof Tensor) return graph.addInitializer(`constant${index}`, input)
    const value = graph.addInput(`input${index}`, type, input)
    return hidden ? graph.addNode({ op: 'Neg', inputs: [value], outputs: [`hidden${index}`] }).output : value
  })
  const node = graph.addNode({ op, name: 'node', inputs: values, attributes, outputs: outputs.map((_, index) => `output${index}`) })
  node.outputs.forEach((output, index) => {
    output!.elementType = outputs[index]
    graph.addOutput(output!)
  })
  return model
}

describe('the upgraded model computes in onnxruntime what the old file does', () => {
  test.each(CASES)('$title (opset $opset)', async (item) => {
    const old = build(item)
    const bytes = writeOnnx(old)
    const upgraded = readOnnx(bytes)
    validate(upgraded)
    expect(upgraded.opsets.get('')).toBe(INNER_OPSET)
    const inputs = randomInputs(old, createRandom(item.title))
    const [before, after] = [await runModel(bytes, inputs), await runModel(upgraded, inputs)]
    expect(Object.keys(after)).toEqual(Object.keys(before))
    for (const [name, tensor] of Object.entries(before)) {
      expect(after[name]!.dims).toEqual(tensor.dims)
      expect(after[name]!.type).toBe(tensor.type)
      const found = after[name]!.toNumbers()
      for (const [index, value] of tensor.toNumbers().entries()) expect(found[index]).toBeCloseTo(value, 5)
    }
  })
})

/** Ops of opsets that onnxruntime no longer runs, each beside the same in a newer one. */
const LEGACY: { title: string; old: Omit<Case, 'title'>; now: Omit<Case, 'title' | 'opset'> }[] = [
  ...['Add', 'Sub', 'Mul', 'Div'].map((op) => ({
    title: `${op}: broadcast along axis 1`,
    old: { opset: 6, op, inputs: [picture, numbers(2)], attributes: { broadcast: 1, axis: 1 } },
    now: { op, inputs: [picture, numbers(2, 1, 1)] },
  })),
  {
    title: 'Mul: broadcast along two axes in the middle, the inputs overwritten',
    old: { opset: 1, op: 'Mul', inputs: [picture, numbers(2, 5)], attributes: { broadcast: 1, axis: 1, consumed_inputs: [0, 0] } },
    now: { op: 'Mul', inputs: [picture, numbers(2, 5, 1)] },
  },
  {
    title: 'Add: broadcast along the last axis by default',
    old: { opset: 6, op: 'Add', inputs: [picture, numbers(6)], attributes: { broadcast: 1 } },
    now: { op: 'Add', inputs: [picture, numbers(6)] },
  },
  {
    title: 'Add: broadcast what has no stated shape',
    old: { opset: 6, op: 'Add', inputs: [picture, numbers(2)], attributes: { broadcast: 1, axis: -3 }, hidden: true },
    now: { op: 'Add', inputs: [picture, numbers(2, 1, 1)], hidden: true },
  },
  {
    title: 'Pow: broadcast along axis 1',
    old: { opset: 1, op: 'Pow', inputs: [numbers(1, 2, 5, 6), numbers(2)], attributes: { broadcast: 1, axis: 1 } },
    now: { op: 'Pow', inputs: [numbers(1, 2, 5, 6), numbers(2, 1, 1)] },
  },
  {
    title: 'Less: broadcast along axis 1',
    old: { opset: 1, op: 'Less', inputs: [picture, numbers(2)], attributes: { broadcast: 1, axis: 1 }, outputs: ['bool'] },
    now: { op: 'Less', inputs: [picture, numbers(2, 1, 1)], outputs: ['bool'] },
  },
  {
    title: 'Gemm: broadcast',
    old: { opset: 6, op: 'Gemm', inputs: [[2, 3], numbers(3, 4), numbers(4)], attributes: { broadcast: 1 } },
    now: { op: 'Gemm', inputs: [[2, 3], numbers(3, 4), numbers(4)] },
  },
  {
    title: 'Reshape: shape',
    old: { opset: 1, op: 'Reshape', inputs: [picture], attributes: { shape: [2, -1], consumed_inputs: [0] } },
    now: { op: 'Reshape', inputs: [picture, int64(2, -1)] },
  },
  {
    title: 'Cast: the name of a type',
    old: { opset: 1, op: 'Cast', inputs: [picture], attributes: { to: 'INT32' }, outputs: ['int32'] },
    now: { op: 'Cast', inputs: [picture], attributes: { to: 6 }, outputs: ['int32'] },
  },
  {
    title: 'Concat: by default along axis 1',
    old: { opset: 1, op: 'Concat', inputs: [picture, picture] },
    now: { op: 'Concat', inputs: [picture, picture], attributes: { axis: 1 } },
  },
  {
    title: 'Pad: paddings',
    old: { opset: 1, op: 'Pad', inputs: [[2, 3]], attributes: { paddings: [1, 0, 0, 2], value: float(2) } },
    now: { op: 'Pad', inputs: [[2, 3], int64(1, 0, 0, 2), Tensor.float32([], [2])] },
  },
  {
    title: 'PRelu: a slope for each channel',
    old: { opset: 6, op: 'PRelu', inputs: [picture, numbers(2)] },
    now: { op: 'PRelu', inputs: [picture, numbers(2, 1, 1)] },
  },
  {
    title: 'Selu: by default',
    old: { opset: 1, op: 'Selu', inputs: [picture] },
    now: { op: 'Selu', inputs: [picture], attributes: { alpha: float(1.6732), gamma: float(1.0507) } },
  },
  {
    title: 'Tile: one axis',
    old: { opset: 1, op: 'Tile', inputs: [picture, Tensor.float32([], [3]), Tensor.float32([], [2])] },
    now: { op: 'Tile', inputs: [picture, int64(1, 1, 3, 1)] },
  },
  {
    title: 'Upsample: two scales',
    old: { opset: 1, op: 'Upsample', inputs: [picture], attributes: { height_scale: float(2), width_scale: float(3), mode: 'nearest' } },
    now: {
      op: 'Resize',
      inputs: [picture, undefined, scales(1, 1, 2, 3)],
      attributes: { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
    },
  },
  {
    title: 'MeanVarianceNormalization: across channels',
    old: { opset: 1, op: 'MeanVarianceNormalization', inputs: [picture], attributes: { across_channels: 1 } },
    now: { op: 'MeanVarianceNormalization', inputs: [picture], attributes: { axes: [0, 1, 2, 3] } },
  },
  {
    title: 'LpPool: a power that is a float',
    old: { opset: 1, op: 'LpPool', inputs: [picture], attributes: { kernel_shape: [2, 2], p: float(3) } },
    now: { op: 'LpPool', inputs: [picture], attributes: { kernel_shape: [2, 2], p: 3 } },
  },
  {
    title: 'BatchNormalization: for inference',
    old: {
      opset: 1,
      op: 'BatchNormalization',
      inputs: [picture, ...statistics(2)],
      attributes: { is_test: 1, consumed_inputs: [0, 0, 0, 1, 1] },
    },
    now: { op: 'BatchNormalization', inputs: [picture, ...statistics(2)] },
  },
  {
    title: 'Dropout: for inference',
    old: { opset: 6, op: 'Dropout', inputs: [picture], attributes: { is_test: 1 } },
    now: { op: 'Identity', inputs: [picture] },
  },
]

function numbers(...dims: number[]): Tensor {
  const random = createRandom('numbers')
  const size = dims.reduce((product, dim) => product * dim, 1)
  return Tensor.float32(
    dims,
    Array.from({ length: size }, () => 0.5 + random.next()),
  )
}

describe('a model older than what onnxruntime runs computes what ONNX said it does', () => {
  test.each(LEGACY)('$title (opset $old.opset)', async ({ title, old, now }) => {
    const upgraded = readOnnx(writeOnnx(build({ title, ...old })))
    validate(upgraded)
    const expected = build({ title, opset: INNER_OPSET, ...now })
    const inputs = randomInputs(expected, createRandom(title))
    const [before, after] = [await runModel(expected, inputs), await runModel(upgraded, inputs)]
    expect(after.output0!.dims).toEqual(before.output0!.dims)
    expect(after.output0!.type).toBe(before.output0!.type)
    const found = after.output0!.toNumbers()
    for (const [index, value] of before.output0!.toNumbers().entries()) expect(found[index]).toBeCloseTo(value, 5)
  })
})

test('a Scan over a batch becomes a Scan of Scans', async () => {
  const model = new Model('scan', 8)
  const { graph } = model
  const start = graph.addInput('start', 'float32', [2, 3])
  const items = graph.addInput('items', 'float32', [2, 4, 3])
  const scan = graph.addNode({
    op: 'Scan',
    inputs: [undefined, start, items],
    outputs: ['last', 'sums'],
    attributes: { num_scan_inputs: 1 },
  })
  const body = graph.addSubgraph(scan, 'body')
  const sum = body.addNode({ op: 'Add', inputs: [body.addInput('sum', 'float32', [3]), body.addInput('item', 'float32', [3])] }).output
  sum.elementType = 'float32'
  const copy = body.addNode({ op: 'Identity', inputs: [sum] }).output
  copy.elementType = 'float32'
  body.setOutputs([sum, copy])
  scan.attributes.set('body', { type: 'graph', value: body })
  for (const output of scan.outputs) output!.elementType = 'float32'
  graph.setOutputs(scan.outputs.map((output) => output!))
  const upgraded = readOnnx(writeOnnx(model))
  validate(upgraded)
  const inputs = randomInputs(model, createRandom('scan'))
  const { last, sums } = await runModel(upgraded, inputs)
  const [first, data] = [inputs.start!.toNumbers(), inputs.items!.toNumbers()]
  const expected = [0, 1].flatMap((batch) => {
    const state = first.slice(3 * batch, 3 * batch + 3)
    return [0, 1, 2, 3].map((step) => state.map((_, index) => (state[index]! += data[(batch * 4 + step) * 3 + index]!)))
  })
  expect(sums!.dims).toEqual([2, 4, 3])
  for (const [index, value] of expected.flat().entries()) expect(sums!.toNumbers()[index]).toBeCloseTo(value, 5)
  for (const [index, value] of [...expected[3]!, ...expected[7]!].entries()) expect(last!.toNumbers()[index]).toBeCloseTo(value, 5)
})

test('a chain of old operations keeps its names, and its subgraphs are upgraded too', async () => {
  const model = new Model('chain', 9)
  const { graph } = model
  const x = graph.addInput('x', 'float32', ['N', 4])
  const yes = graph.addInput('yes', 'bool', [1])
  const choose = graph.addNode({ op: 'If', inputs: [yes], outputs: ['chosen'] })
  for (const [name, axis] of [
    ['then_branch', 0],
    ['else_branch', 1],
  ] as const) {
    const branch = graph.addSubgraph(choose, name)
    const soft = branch.addNode({ op: 'Softmax', inputs: [x], attributes: { axis }, outputs: [`soft${axis}`] })
    const clip = branch.addNode({
      op: 'Clip',
      inputs: [soft.output],
      attributes: { max: { type: 'float', value: 0.3 } },
      outputs: [`clip${axis}`],
    })
    clip.output.elementType = 'float32'
    branch.addOutput(clip.output)
    choose.attributes.set(name, { type: 'graph', value: branch })
  }
  choose.output.elementType = 'float32'
  graph.addOutput(choose.output)
  const bytes = writeOnnx(model)
  const upgraded = readOnnx(bytes)
  validate(upgraded)
  expect([...upgraded.graphs()].map((inner) => inner.outputs.map(({ name }) => name))).toEqual([['chosen'], ['clip0'], ['clip1']])
  for (const flag of [0, 1]) {
    const inputs = { ...randomInputs(model, createRandom('chain')), yes: Tensor.of('bool', [1], [flag]) }
    expect((await runModel(upgraded, inputs)).chosen!.toNumbers()).toEqual((await runModel(bytes, inputs)).chosen!.toNumbers())
  }
})

test('a mask of Dropout that is read keeps the type that it had', () => {
  const model = build({ title: '', opset: 7, op: 'Dropout', inputs: [[2, 3]], outputs: ['float32', 'float32'] })
  const upgraded = readOnnx(writeOnnx(model))
  const mask = upgraded.graph.outputs[1]!
  expect(mask.name).toBe('output1')
  expect(mask.producer?.op).toBe('Cast')
  expect(mask.producer?.int('to')).toBe(1)
  validate(upgraded)
})

test('a newer model and other operator sets keep their versions', () => {
  const model = build({ title: '', opset: 22, op: 'Relu', inputs: [[2]] })
  model.opsets.set('com.example', 3)
  expect([...readOnnx(writeOnnx(model)).opsets]).toEqual([
    ['', 22],
    ['com.example', 3],
  ])
})

test('without upgrade the file stays as it is', () => {
  const bytes = writeOnnx(build({ title: '', opset: 9, op: 'Clip', inputs: [[2]], attributes: { max: float(1) } }))
  const model = readOnnx(bytes, { upgrade: false })
  expect(model.opsets.get('')).toBe(9)
  expect(model.graph.nodes[0]!.float('max', 0)).toBe(1)
})

describe('what cannot be upgraded is refused by name', () => {
  test.each<[string, Partial<Case> & Pick<Case, 'op' | 'opset'>, string]>([
    [
      'an experimental op that was removed',
      { op: 'Crop', opset: 6 },
      "old.onnx: Crop 'node' of opset 6 cannot be upgraded to opset 21: the experimental op was removed; export the model at opset 21",
    ],
    [
      'BatchNormalization for training',
      { op: 'BatchNormalization', opset: 6, inputs: [picture, ...statistics(2)], attributes: { is_test: 0 } },
      "old.onnx: BatchNormalization 'node' of opset 6 cannot be upgraded to opset 21: it is meant for training (is_test=0); export the model at opset 21",
    ],
    [
      'broadcasting along an axis of what has no known rank',
      { op: 'Add', opset: 6, inputs: [undefined, Tensor.float32([2], [1, 2])], attributes: { broadcast: 1, axis: 1 } },
      "old.onnx: Add 'node' has no first input or no first output; export the model again",
    ],
    [
      'BatchNormalization over all axes',
      { op: 'BatchNormalization', opset: 7, inputs: [picture, ...statistics(2)], attributes: { spatial: 0 } },
      "old.onnx: BatchNormalization 'node' of opset 7 cannot be upgraded to opset 21: spatial=0 was removed; export the model at opset 21",
    ],
    [
      'Scan over sequences of different lengths',
      { op: 'Scan', opset: 8, inputs: [int64(1), [2]] },
      "old.onnx: Scan 'node' of opset 8 cannot be upgraded to opset 21: sequence_lens was removed; export the model at opset 21",
    ],
    [
      'Resize that shrinks and enlarges by broken scales',
      { op: 'Resize', opset: 10, inputs: [picture, scales(1, 1, 2, 0.7)] },
      "old.onnx: Resize 'node' of opset 10 cannot be upgraded to opset 21: it enlarges one axis and shrinks another; export the model at opset 21",
    ],
  ])('%s', (_, item, message) => {
    const bytes = writeOnnx(build({ title: '', inputs: [[2]], ...item }))
    expect(() => readOnnx(bytes, { file: 'old.onnx' })).toThrowError(message)
  })
})

describe('a node without inputs or outputs is upgraded or refused, and breaks nothing', () => {
  test.each(Object.keys(upgradeRules))('%s', (op) => {
    for (let opset = 1; opset < INNER_OPSET; opset++)
      for (const [inputs, outputs] of [
        [[], []],
        [[[2]], []],
        [[], ['float32']],
        [
          [undefined, [2]],
          ['float32', 'float32'],
        ],
      ] as [Case['inputs'], ElementType[]][]) {
        const bytes = writeOnnx(build({ title: '', op, opset, inputs, outputs, attributes: { value: float(1), min: float(0), k: 1 } }))
        try {
          validate(readOnnx(bytes, { file: 'odd.onnx' }))
        } catch (error) {
          expect(error).toBeInstanceOf(WhittleError)
          expect((error as Error).message).toContain(`odd.onnx: ${op} '`)
        }
      }
  })
})

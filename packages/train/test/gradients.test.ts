import { type Model, Tensor, WhittleError, problemsOf } from '@whittle/ir'
import { readOnnxFile } from '@whittle/ir/onnx'
import { buildModel, fingerprint, fixture } from '@whittle/testing'
import { expect, it } from 'vitest'
import { gradients } from '../src/index.ts'
import { open } from './harness.ts'

/** `loss = sum(relu(x w1) w2)`, by names. */
function mlp(): Model {
  return buildModel((b) => {
    const x = b.input('x', ['N', 3])
    const hidden = b.node('Relu', [b.node('MatMul', [x, b.weight('w1', [3, 4])])])
    const y = b.output(b.node('MatMul', [hidden, b.weight('w2', [4, 2])]), 'y')
    b.output(b.node('ReduceSum', [y], { keepdims: 0 }), 'loss')
  })
}

const x = Tensor.float32([2, 3], [1, -2, 3, 0.5, 2, -1])

it('gives the outputs of the original and a gradient for each name', async () => {
  const model = mlp()
  const before = fingerprint(model)
  const { model: backward, gradients: named, frozen } = gradients(model, { loss: 'loss', wrt: ['w1', 'w2', 'x'] })
  expect(fingerprint(model)).toBe(before)
  expect(problemsOf(backward)).toEqual([])
  expect(frozen).toEqual([])
  expect(backward.graph.outputs.map(({ name }) => name)).toEqual(['y', 'loss', 'w1_gradient', 'w2_gradient', 'x_gradient'])
  expect([...named]).toEqual([
    ['w1', 'w1_gradient'],
    ['w2', 'w2_gradient'],
    ['x', 'x_gradient'],
  ])
  const session = await open(backward)
  const results = await session.run({ x })
  await session.dispose()
  expect(results.w1_gradient!.dims).toEqual([3, 4])
  expect(results.x_gradient!.dims).toEqual([2, 3])
  expect(results.loss!.toNumbers()[0]).toBeCloseTo(
    results.y!.toNumbers().reduce((a, b) => a + b),
    5,
  )
})

it("parameters: 'inputs' makes inputs of the weights, so that one model serves every step", async () => {
  const model = mlp()
  const constants = gradients(model, { loss: 'loss', wrt: ['w1', 'w2'] })
  const inputs = gradients(model, { loss: 'loss', wrt: ['w1', 'w2'], parameters: 'inputs' })
  expect(inputs.model.graph.inputs.map(({ name }) => name)).toEqual(['x', 'w1', 'w2'])
  expect([...inputs.model.initializers()].map(({ name }) => name)).not.toContain('w1')
  const weights = Object.fromEntries([...model.initializers()].map(({ name, tensor }) => [name, tensor!]))
  const [one, other] = [await open(constants.model), await open(inputs.model)]
  expect((await other.run({ x, w1: weights.w1!, w2: weights.w2! })).w1_gradient).toEqual((await one.run({ x })).w1_gradient)
  await Promise.all([one.dispose(), other.dispose()])
})

it('computes nothing for what leads to no name', () => {
  const { model } = gradients(mlp(), { loss: 'loss', wrt: ['w2'] })
  // The second product's kernel, the sum's gradient and the output: neither the first product's nor the activation's.
  expect(model.graph.nodes.slice(4).map(({ op }) => op)).not.toContain('Where')
  expect(model.graph.nodes.filter(({ op }) => op === 'MatMul')).toHaveLength(3)
})

it('adds up the gradients of several uses', async () => {
  const model = buildModel((b) => {
    const value = b.input('x', [3])
    const cube = b.node('Mul', [b.node('Mul', [value, value]), value])
    b.output(b.node('ReduceSum', [b.node('Add', [cube, value])], { keepdims: 0 }), 'loss')
  })
  const session = await open(gradients(model, { loss: 'loss', wrt: ['x'] }).model)
  const given = await session.run({ x: Tensor.float32([3], [1, 2, -3]) })
  await session.dispose()
  expect(given.x_gradient!.toNumbers()).toEqual([4, 13, 28])
})

it('is of inner values too, and 1 of the loss itself', async () => {
  const { model } = gradients(mlp(), { loss: 'loss', wrt: ['y', 'loss'] })
  const session = await open(model)
  const given = await session.run({ x })
  await session.dispose()
  expect(given.y_gradient).toEqual(Tensor.float32([2, 2], [1, 1, 1, 1]))
  expect(given.loss_gradient).toEqual(Tensor.float32([], [1]))
})

const half = (): Model =>
  buildModel((b) => {
    const value = b.input('x', ['N', 3])
    const rounded = b.node('Ceil', [b.node('Mul', [value, b.weight('before', [3])])], {}, { name: 'rounding' })
    const sum = b.node('Add', [b.node('Mul', [rounded, b.weight('after', [3])]), b.node('Mul', [value, b.weight('beside', [3])])])
    b.output(b.node('ReduceSum', [sum], { keepdims: 0 }), 'loss')
  })

it('names the nodes through which no gradient goes', () => {
  const { frozen } = gradients(half(), { loss: 'loss', wrt: ['after', 'x'] })
  expect(frozen).toEqual([{ at: "Ceil 'rounding'", why: 'there is no gradient of Ceil here' }])
})

const errors: [string, () => unknown, string, RegExp][] = [
  [
    'a weight behind a frozen node',
    () => gradients(half(), { loss: 'loss', wrt: ['before'] }),
    'GRADIENT_UNREACHED',
    /'before'.*Ceil 'rounding' \(there is no gradient/,
  ],
  ['a loss of several elements', () => gradients(mlp(), { loss: 'y', wrt: ['w1'] }), 'GRADIENT_NAME', /'y' has the shape \[N,2\]/],
  ['an unknown name', () => gradients(mlp(), { loss: 'loss', wrt: ['w9'] }), 'GRADIENT_NAME', /'w9'/],
  ['an unknown loss', () => gradients(mlp(), { loss: 'cost', wrt: ['w1'] }), 'GRADIENT_NAME', /'cost'/],
  ['no name', () => gradients(mlp(), { loss: 'loss', wrt: [] }), 'OPTION_INVALID', /wrt/],
  [
    'a wrong way to give parameters',
    () => gradients(mlp(), { loss: 'loss', wrt: ['w1'], parameters: 'x' as 'inputs' }),
    'OPTION_INVALID',
    /parameters/,
  ],
  ['an integer', () => gradients(gathered(), { loss: 'loss', wrt: ['places'] }), 'GRADIENT_NAME', /'places', which is int64/],
  [
    'what the loss does not depend on',
    () => gradients(gathered(), { loss: 'loss', wrt: ['unused'] }),
    'GRADIENT_UNREACHED',
    /does not depend on 'unused'/,
  ],
  ['what only sizes are taken of', () => gradients(gathered(), { loss: 'loss', wrt: ['like'] }), 'GRADIENT_UNREACHED', /'like'.*Shape/],
]

function gathered(): Model {
  return buildModel((b) => {
    b.input('unused', [2])
    const table = b.node('Expand', [b.weight('table', [1, 2]), b.node('Shape', [b.input('like', [4, 2])])])
    const rows = b.node('Gather', [table, b.input('places', [2], 'int64')])
    b.output(b.node('ReduceSum', [rows], { keepdims: 0 }), 'loss')
  })
}

it.each(errors)('refuses %s', (_, run, code, message) => {
  expect(run).toThrow(message)
  try {
    run()
  } catch (error) {
    expect((error as WhittleError).code).toBe(code)
  }
})

it('goes through a real network of free sizes', () => {
  const { model } = readOnnxFile(fixture('direction'))
  const { graph } = model
  const spec = { op: 'ReduceMean', inputs: [graph.outputs[0]!], attributes: { keepdims: 0 }, outputs: ['loss'] }
  graph.addOutput(graph.addNode(spec).output)
  const { model: backward, frozen } = gradients(model, { loss: 'loss', wrt: [graph.inputs[0]!.name] })
  expect(frozen).toEqual([])
  expect(problemsOf(backward)).toEqual([])
})

it.each([
  { what: 'blocks', attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  { what: 'windows that overlap', attributes: { kernel_shape: [2, 2], strides: [1, 1] } },
])('of equal largest elements the first takes the gradient of a MaxPool: $what', async ({ attributes }) => {
  const model = buildModel((b) => {
    const pooled = b.node('MaxPool', [b.input('x', ['N', 1, 2, 4])], attributes)
    b.output(b.node('ReduceSum', [pooled], { keepdims: 0 }), 'loss')
  })
  const { model: backward } = gradients(model, { loss: 'loss', wrt: ['x'] })
  const session = await open(backward)
  const results = await session.run({ x: Tensor.float32([1, 1, 2, 4], [1, 1, 0, 2, 1, 1, 2, 2]) })
  await session.dispose()
  // The windows of stride 1 begin at 0, 1 and 2: their first largest are at 0, 6 and 3.
  const first = attributes.strides[0] === 2 ? [1, 0, 0, 1, 0, 0, 0, 0] : [1, 0, 0, 1, 0, 0, 1, 0]
  expect(results.x_gradient!.toNumbers()).toEqual(first)
})

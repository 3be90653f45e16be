import { ModelError, type Model, type Quantization, Tensor, problemsOf, validate, validatorRules } from '@whittle/ir'
import { models, randomModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'

const integer: Quantization = { kind: 'integer', bits: 8, signed: true, scale: Float32Array.of(0.1), zeroPoint: Int32Array.of(0) }

/** For each rule, edits that go behind the graph's methods and break it. */
const BROKEN: Record<string, [title: string, edit: (model: Model) => void, message: RegExp][]> = {
  order: [
    [
      'a node that reads what a later node gives',
      (model) => (model.graph.nodes as unknown[]).reverse(),
      /reads '.*', which nothing before it gives/,
    ],
    ['an output that nothing gives', (model) => model.graph.addOutput(models.mlp().graph.outputs[0]!), /output 'y' is given by nothing/],
  ],
  ends: [
    [
      'a value that does not know its reader',
      (model) => void (model.graph.inputs[0]!._uses.length = 0),
      /reads 'x', which does not know of it/,
    ],
    [
      'an output of another producer',
      (model) => (model.graph.nodes[0]!.output._producer = model.graph.nodes[1]),
      /does not know that Gemm '.*' gives it/,
    ],
  ],
  uses: [
    [
      'a use that is not there',
      (model) => void model.graph.inputs[0]!._uses.push({ node: model.graph.nodes[1]!, index: 0 }),
      /'x' believes that input 0 of Relu/,
    ],
    [
      'a use by a node of another model',
      (model) => {
        const stranger = models.mlp().graph.nodes[0]!
        stranger._inputs[0] = model.graph.inputs[0]
        model.graph.inputs[0]!._uses.push({ node: stranger, index: 0 })
      },
      /'x' is read by Gemm '.*', which is not in the model/,
    ],
  ],
  names: [
    ['a name that is taken', (model) => (model.graph.nodes[0]!.output.name = 'x'), /'x' is defined twice/],
    ['no name', (model) => (model.graph.nodes[0]!.output.name = ''), /a value has no name/],
  ],
  constants: [
    ['no tensor', (model) => ([...model.graph.initializers][0]!._tensor = undefined), /initializer 'gemm_w' has no tensor/],
    [
      'another type than its tensor',
      (model) => ([...model.graph.initializers][0]!.elementType = 'int8'),
      /initializer 'gemm_w' is int8, its tensor float32/,
    ],
  ],
  quantization: [
    [
      'scales without zero points',
      (model) => (model.graph.inputs[0]!.quantization = { ...integer, zeroPoint: new Int32Array(2) }),
      /1 scales and 2 zero points/,
    ],
    [
      'a scale of zero',
      (model) => (model.graph.inputs[0]!.quantization = { ...integer, scale: new Float32Array(1) }),
      /not positive and finite/,
    ],
    [
      'too few scales for the axis',
      (model) => ([...model.graph.initializers][0]!.quantization = { ...integer, axis: 0 }),
      /1 scales for an axis of 16/,
    ],
  ],
}

describe.each(Object.entries(BROKEN))('the rule %s', (rule, cases) => {
  test.each(cases)('is broken by %s', (_title, edit, message) => {
    const model = models.mlp()
    expect(problemsOf(model)).toEqual([])
    edit(model)
    const problems = problemsOf(model).filter((problem) => problem.includes(`(${rule}, graph 'main')`))
    expect(problems.join('\n')).toMatch(message)
    expect(() => validate(model)).toThrow(ModelError)
  })
})

test('every rule has a model that breaks it', () => {
  expect(Object.keys(BROKEN)).toEqual(validatorRules)
})

test('problems in subgraphs name their graph; a subgraph may read only what stands before its owner', () => {
  const model = models.branches()
  const owner = model.graph.nodes.find((node) => node.op === 'If')!
  const late = model.graph.addNode({ op: 'Neg', inputs: [owner.output], outputs: ['late'] }).output
  const branch = owner.subgraphs[0]!
  branch.setInput(branch.nodes[0]!, 0, late)
  expect(problemsOf(model)).toEqual([expect.stringMatching(/reads 'late', which nothing before it gives \(order, graph 'then_branch'\)/)])
})

test('the message shows the first problems and counts the others', () => {
  const model = models.mlp()
  for (const value of model.graph.initializers) value.elementType = 'int8'
  expect(() => validate(model)).toThrow(/gemm_w.*gemm_b.*matmul_w.*; and 1 more$/)
})

test('models that the graph methods build are valid', () => {
  for (const make of Object.values(models)) expect(problemsOf(make())).toEqual([])
  for (let seed = 0; seed < 20; seed++) expect(problemsOf(randomModel(`valid/${seed}`))).toEqual([])
  const model = models.mlp()
  model.graph.setTensor([...model.graph.initializers][0]!, Tensor.float32([16, 12], new Float32Array(192)))
  expect(problemsOf(model)).toEqual([])
})

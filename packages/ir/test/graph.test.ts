import { describe, expect, test } from 'vitest'
import { type Graph, Model, ModelError, type Node, Tensor, type Value, createRandom, validate } from '@whittle/ir'

function start(): { model: Model; graph: Graph; x: Value } {
  const model = new Model('main')
  return { model, graph: model.graph, x: model.graph.addInput('x', 'float32', [1]) }
}

const names = (items: Iterable<Value | undefined>): (string | undefined)[] => [...items].map((item) => item?.name)
const ops = (graph: Graph): string[] => graph.nodes.map(({ op }) => op)
const unary = (graph: Graph, op: string, input: Value, output = op.toLowerCase()): Node =>
  graph.addNode({ op, inputs: [input], outputs: [output] })

function errorOf(run: () => unknown): ModelError {
  try {
    run()
  } catch (error) {
    if (error instanceof ModelError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** `If` whose branches negate and double an outer value; the first branch holds a weight. */
function addIf(graph: Graph, condition: Value, outer: Value): Node {
  const node = graph.addNode({ op: 'If', inputs: [condition], outputs: ['chosen'] })
  for (const name of ['then_branch', 'else_branch']) {
    const branch = graph.addSubgraph(node, name)
    const weight = branch.addInitializer(`${name}_weight`, Tensor.float32([1], [2]))
    branch.addOutput(branch.addNode({ op: 'Mul', inputs: [outer, weight], outputs: [`${name}_out`] }).output)
    node.attributes.set(name, { type: 'graph', value: branch })
  }
  return node
}

describe('names', () => {
  test('are unique: nodes and initializers get a suffix, inputs and renames are refused', () => {
    const { model, graph, x } = start()
    const first = unary(graph, 'Neg', x, 'a').output
    const second = unary(graph, 'Abs', x, 'a').output
    expect(names([first, second, graph.addInitializer('a', Tensor.float32([], [1]))])).toEqual(['a', 'a_1', 'a_2'])
    expect(errorOf(() => graph.addInput('x')).code).toBe('NAME_TAKEN')
    expect(errorOf(() => model.rename(second, 'a')).message).toBe("graph 'main' defines 'a', which is defined already")
    model.rename(second, 'b')
    expect(model.uniqueName('a_1')).toBe('a_1')
  })

  test('are free again when their node is removed', () => {
    const { model, graph, x } = start()
    graph.removeNode(unary(graph, 'Neg', x, 'a'))
    expect(model.uniqueName('a')).toBe('a')
    expect(x.uses).toEqual([])
  })

  test('of a subgraph are free again when its owner is removed', () => {
    const { model, graph, x } = start()
    const node = addIf(graph, x, x)
    expect(model.uniqueName('then_branch_out')).toBe('then_branch_out_1')
    graph.removeNode(node)
    for (const name of ['chosen', 'then_branch_out', 'else_branch_out', 'then_branch_weight']) expect(model.uniqueName(name)).toBe(name)
  })
})

describe('sort', () => {
  test('leaves a sorted graph as it is', () => {
    const { graph, x } = start()
    const a = unary(graph, 'Neg', x)
    unary(graph, 'Abs', x)
    graph.addNode({ op: 'Add', inputs: [graph.nodes[1]!.output, a.output] })
    unary(graph, 'Exp', a.output)
    unary(graph, 'Log', x)
    graph.sort()
    expect(ops(graph)).toEqual(['Neg', 'Abs', 'Add', 'Exp', 'Log'])
  })

  test('moves a node only to before its first reader', () => {
    const { graph, x } = start()
    const [reader, free, source] = [unary(graph, 'Neg', x), unary(graph, 'Abs', x), unary(graph, 'Exp', x)]
    graph.setInput(reader, 0, source.output)
    graph.sort()
    expect(ops(graph)).toEqual(['Exp', 'Neg', 'Abs'])
    expect(graph.nodes[2]).toBe(free)
  })

  test('counts what subgraphs read', () => {
    const { graph, x } = start()
    const node = addIf(graph, x, x)
    const source = unary(graph, 'Exp', x)
    for (const branch of node.subgraphs) branch.setInput(branch.nodes[0]!, 0, source.output)
    graph.sort()
    expect(ops(graph)).toEqual(['Exp', 'If'])
  })

  test('puts any order of a random graph right, and fast where it is long', () => {
    const { model, graph, x } = start()
    const random = createRandom('sort')
    const count = 20_000
    const nodes = Array.from({ length: count }, (_, index) => unary(graph, 'Neg', x, `v${index}`))
    const order = Array.from({ length: count }, (_, index) => index)
    for (let index = count - 1; index > 0; index--) {
      const other = random.integer(index + 1)
      ;[order[index], order[other]] = [order[other]!, order[index]!]
    }
    for (let index = 1; index < count; index++) {
      const source = nodes[order[random.next() < 0.5 ? index - 1 : random.integer(index)]!]!
      graph.setInput(nodes[order[index]!]!, 0, source.output)
    }
    const begin = performance.now()
    graph.sort()
    expect(performance.now() - begin).toBeLessThan(2000)
    expect(graph.nodes.length).toBe(count)
    validate(model)
  })

  test('names the nodes of a cycle, and no others', () => {
    const { graph, x } = start()
    const [a, b, c] = [unary(graph, 'Neg', x), unary(graph, 'Abs', x), unary(graph, 'Exp', x)]
    unary(graph, 'Log', c.output)
    graph.setInput(a, 0, c.output)
    graph.setInput(b, 0, a.output)
    graph.setInput(c, 0, b.output)
    const error = errorOf(() => graph.sort())
    expect(error.code).toBe('GRAPH_CYCLE')
    expect(error.message).toBe("graph 'main' has a cycle: it goes through Neg 'neg', Exp 'exp', Abs 'abs'")
  })

  test('sees a cycle through a subgraph', () => {
    const { graph, x } = start()
    const node = addIf(graph, x, x)
    const [branch] = node.subgraphs
    branch!.setInput(branch!.nodes[0]!, 0, node.output)
    expect(errorOf(() => graph.sort()).message).toBe("graph 'main' has a cycle: If 'chosen' reads its own output")
  })
})

describe('replaceUses', () => {
  test('moves every reader, those in subgraphs too', () => {
    const { model, graph, x } = start()
    const old = unary(graph, 'Neg', x).output
    const fresh = unary(graph, 'Abs', x).output
    graph.addNode({ op: 'Add', inputs: [old, old], outputs: ['sum'] })
    const node = addIf(graph, x, old)
    expect(graph.replaceUses(old, fresh)).toBe(true)
    expect(old.uses).toEqual([])
    expect(fresh.uses.map((use) => [use.node.op, use.index])).toEqual([
      ['Add', 0],
      ['Add', 1],
      ['Mul', 0],
      ['Mul', 0],
    ])
    expect(names(node.subgraphs.flatMap((branch) => branch.nodes[0]!.inputs[0]))).toEqual(['abs', 'abs'])
    validate(model)
  })

  test('keeps the name of an output, in the place where it stood', () => {
    const { model, graph, x } = start()
    const old = unary(graph, 'Neg', x, 'y').output
    old.shape = ['N']
    old.elementType = 'float32'
    const other = unary(graph, 'Exp', x, 'z').output
    graph.setOutputs([old, other])
    const fresh = unary(graph, 'Abs', x).output
    expect(graph.replaceUses(old, fresh)).toBe(true)
    expect(names(graph.outputs)).toEqual(['y', 'z'])
    expect(graph.outputs[0]).toBe(fresh)
    expect([fresh.shape, fresh.elementType]).toEqual([['N'], 'float32'])
    graph.removeNode(old.producer!)
    validate(model)
  })

  test('changes nothing where the output cannot keep its name', () => {
    const { graph, x } = start()
    const y = unary(graph, 'Neg', x, 'y').output
    const z = unary(graph, 'Abs', y, 'z').output
    graph.setOutputs([y, z])
    const weight = graph.addInitializer('w', Tensor.float32([1], [1]))
    for (const to of [x, weight, z]) expect(graph.replaceUses(y, to)).toBe(false)
    expect(names(graph.outputs)).toEqual(['y', 'z'])
    expect(y.uses.map((use) => use.node.op)).toEqual(['Abs'])
    expect(graph.replaceUses(y, y)).toBe(true)
  })
})

describe('removeNode', () => {
  test('refuses while an output is read or given, and says which', () => {
    const { graph, x } = start()
    const neg = unary(graph, 'Neg', x)
    const abs = unary(graph, 'Abs', neg.output)
    expect(errorOf(() => graph.removeNode(neg)).message).toBe("Neg 'neg' cannot be removed: 'neg' is still used")
    graph.addOutput(abs.output)
    expect(errorOf(() => graph.removeNode(abs)).message).toBe("Abs 'abs' cannot be removed: 'abs' is still used")
    expect(ops(graph)).toEqual(['Neg', 'Abs'])
  })

  test('lets go of what subgraphs read from outside', () => {
    const { model, graph, x } = start()
    const outer = unary(graph, 'Neg', x)
    graph.removeNode(addIf(graph, x, outer.output))
    expect(outer.output.uses).toEqual([])
    graph.removeNode(outer)
    expect(x.uses).toEqual([])
    validate(model)
  })
})

describe('setInput', () => {
  test('keeps both ends right, fills gaps, and drops inputs that are left out at the end', () => {
    const { graph, x } = start()
    const node = graph.addNode({ op: 'Odd', inputs: [x] })
    graph.setInput(node, 2, x)
    expect(names(node.inputs)).toEqual(['x', undefined, 'x'])
    expect(x.uses.map((use) => use.index)).toEqual([0, 2])
    graph.setInput(node, 2, undefined)
    expect(names(node.inputs)).toEqual(['x'])
    graph.setInput(node, 0, undefined)
    expect(node.inputs).toEqual([])
    expect(x.uses).toEqual([])
  })
})

describe('inputs and initializers', () => {
  test('an input with a default stays as a constant when it is removed', () => {
    const { model, graph, x } = start()
    const w = graph.addInput('w')
    graph.setInputDefault(w, Tensor.float32([1], [3]))
    graph.addOutput(graph.addNode({ op: 'Add', inputs: [x, w], outputs: ['y'] }).output)
    expect([w.isInput, w.shape, w.elementType]).toEqual([true, [1], 'float32'])
    graph.removeInput(w)
    expect([w.isInput, names(graph.inputs), names(graph.initializers)]).toEqual([false, ['x'], ['w']])
    validate(model)
  })

  test('what is used cannot be removed', () => {
    const { graph, x } = start()
    const w = graph.addInitializer('w', Tensor.float32([1], [1]))
    const node = graph.addNode({ op: 'Add', inputs: [x, w] })
    expect(errorOf(() => graph.removeInput(x)).message).toBe("input 'x' cannot be removed: it is still used")
    expect(errorOf(() => graph.removeInitializer(w)).message).toBe("initializer 'w' cannot be removed: it is still used")
    graph.removeNode(node)
    graph.removeInitializer(w)
    graph.addOutput(x)
    expect(errorOf(() => graph.removeInput(x)).code).toBe('GRAPH_EDIT')
    graph.setOutputs([])
    graph.removeInput(x)
    expect([graph.inputs.length, graph.initializers.size]).toEqual([0, 0])
  })

  test('setTensor changes type and shape, and drops the annotation of the old tensor', () => {
    const { graph, x } = start()
    const w = graph.addInitializer('w', Tensor.float32([2], [1, 2]))
    w.quantization = { kind: 'float', type: 'float16' } as never
    graph.setTensor(w, Tensor.int64([3], [1, 2, 3]))
    expect([w.elementType, w.shape, w.quantization]).toEqual(['int64', [3], undefined])
    expect(errorOf(() => graph.setTensor(x, Tensor.float32([], [1]))).code).toBe('GRAPH_EDIT')
  })
})

describe('clone', () => {
  test('copies subgraphs that read outer values, and shares nothing but tensors', () => {
    const { model, graph, x } = start()
    model.metadata.properties.set('labels', 'a,b')
    const outer = unary(graph, 'Neg', x, 'outer').output
    const node = addIf(graph, x, outer)
    graph.addOutput(node.output)
    const copy = model.clone()
    validate(copy)
    const [neg, choose] = copy.graph.nodes
    expect(neg!.output.uses.map((use) => use.node.graph.name)).toEqual(['then_branch', 'else_branch'])
    expect(choose!.subgraphs.every((branch) => branch.owner === choose && branch.model === copy)).toBe(true)
    expect([...copy.initializers()].map(({ tensor }) => tensor)).toEqual([...model.initializers()].map(({ tensor }) => tensor))

    copy.metadata.properties.clear()
    copy.opsets.set('', 1)
    copy.graph.replaceUses(neg!.output, copy.graph.inputs[0]!)
    copy.graph.removeNode(neg!)
    expect(ops(model.graph)).toEqual(['Neg', 'If'])
    expect(outer.uses.length).toBe(2)
    expect([model.metadata.properties.size, model.opsets.get('')]).toEqual([1, 21])
    validate(model)
    validate(copy)
  })

  test('keeps names, types, annotations, defaults and what is carried', () => {
    const { model, graph, x } = start()
    const w = graph.addInput('w')
    graph.setInputDefault(w, Tensor.float32([1], [3]))
    const node = graph.addNode({
      op: 'Odd',
      domain: 'd',
      name: 'n',
      inputs: [x, undefined, w],
      outputs: ['', 'y'],
      attributes: { a: [1, 2] },
    })
    const y = node.outputs[1]!
    Object.assign(y, { elementType: 'float16', shape: ['N', 2], opaqueType: { some: 'type' } })
    node.opaque = { some: 'thing' }
    graph.addOutput(y)
    const copy = model.clone()
    const [odd] = copy.graph.nodes
    expect([odd!.type, odd!.name, names(odd!.inputs), names(odd!.outputs), odd!.ints('a'), odd!.opaque]).toEqual([
      'd.Odd',
      'n',
      ['x', undefined, 'w'],
      [undefined, 'y'],
      [1, 2],
      { some: 'thing' },
    ])
    expect(odd!.outputs[1]).toMatchObject({ elementType: 'float16', shape: ['N', 2], opaqueType: { some: 'type' } })
    expect(odd!.outputs[1]!.shape).not.toBe(y.shape)
    expect(copy.graph.inputs[1]!.tensor).toBe(w.tensor)
    validate(copy)
  })

  test('can copy a graph whose subgraph reads a value of the graph around its owner', () => {
    const { model, graph, x } = start()
    const outer = addIf(graph, x, x)
    const [branch] = outer.subgraphs
    const inner = addIf(branch!, x, branch!.nodes[0]!.output)
    branch!.setOutputs([inner.output])
    graph.addOutput(outer.output)
    validate(model.clone())
    expect([...model.clone().graphs()].length).toBe(5)
  })
})

describe('a value that a subgraph gives out', () => {
  function given(): { graph: Graph; x: Value; value: Value; branch: Graph } {
    const { graph, x } = start()
    const value = unary(graph, 'Neg', x).output
    const node = addIf(graph, x, x)
    const branch = node.subgraphs[0]!
    branch.setOutputs([value])
    return { graph, x, value, branch }
  }

  test('is an output, and its node cannot be removed', () => {
    const { graph, value, branch } = given()
    expect([value.isOutput, graph.outputs.includes(value)]).toEqual([true, false])
    expect(errorOf(() => graph.removeNode(value.producer!)).message).toBe("Neg 'neg' cannot be removed: 'neg' is still used")
    branch.setOutputs([...branch.nodes[0]!.outputs].map((output) => output!))
    expect(value.isOutput).toBe(false)
  })

  test('is replaced in the subgraph by what takes its place', () => {
    const { graph, x, value, branch } = given()
    expect(graph.replaceUses(value, x)).toBe(true)
    expect(names(branch.outputs)).toEqual(['x'])
    expect([value.isOutput, x.isOutput]).toEqual([false, true])
    graph.removeNode(value.producer!)
    expect(ops(graph)).toEqual(['If'])
  })
})

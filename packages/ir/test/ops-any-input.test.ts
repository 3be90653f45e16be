import { Model, ModelError, Tensor, createRandom, inferShapes, macsOf, opTable, weightsOf } from '@whittle/ir'
import { expect, test } from 'vitest'

test('whatever the number, the ranks and the contents of its inputs, a rule infers, says that it does not know, or names the node', () => {
  const random = createRandom('any input')
  const wrong = new Map<string, string>()
  for (const { type } of opTable)
    for (let round = 0; round < 30; round++) {
      const model = new Model()
      const { graph } = model
      const inputs = Array.from({ length: random.integer(7) }, (_, index) => {
        const dims = Array.from({ length: random.integer(6) }, () => random.integer(4))
        const choice = random.integer(5)
        if (choice === 0) return undefined
        if (choice === 1)
          return graph.addInitializer(
            `c${index}`,
            Tensor.int64(
              [dims.length],
              dims.map((dim) => dim - 1),
            ),
          )
        if (choice === 2) return graph.addInput(`u${index}`)
        return graph.addInput(`x${index}`, 'float32', choice === 3 ? dims : dims.map((dim) => (dim === 0 ? 'N' : dim)))
      })
      const dot = type.lastIndexOf('.')
      const node = graph.addNode({
        op: type.slice(dot + 1),
        domain: dot < 0 ? '' : type.slice(0, dot),
        inputs,
        outputs: ['a', 'b', 'c', 'd'].slice(0, 1 + random.integer(4)),
        attributes:
          random.next() < 0.5
            ? {}
            : { axis: random.integer(7) - 3, kernel_shape: [2, 2], num_heads: 2, perm: [1, 0], axes: [0, 1], equation: 'ij,jk' },
      })
      graph.setOutputs(node.outputs.map((value) => value!))
      try {
        inferShapes(model)
        macsOf(model)
        weightsOf(model)
        for (const { shape } of graph.outputs)
          if (shape?.some((dim) => typeof dim !== 'string' && !Number.isInteger(dim))) wrong.set(type, `gave [${shape.join(',')}]`)
      } catch (error) {
        if (!(error instanceof ModelError)) wrong.set(type, (error as Error).stack!.split('\n').slice(0, 4).join(' '))
      }
    }
  expect([...wrong]).toEqual([])
})

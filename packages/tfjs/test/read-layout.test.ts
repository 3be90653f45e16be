import { type Random, Tensor, createRandom } from '@whittle/ir'
import { expect, it } from 'vitest'
import { type GraphCase, type GraphNode, attr, expectSameGraph, floats, int, ints, noise } from './read-graph-oracle.ts'
import { opsOf } from './read-oracle.ts'

/** A graph of random nodes over pictures: those that the layout pass moves Transposes through, and those that stop it. */
function randomGraph(random: Random): GraphCase {
  const constants: Record<string, Tensor> = {}
  const nodes: GraphNode[] = []
  const pictures: { name: string; dims: number[] }[] = [{ name: 'x', dims: [2, 6, 5, 4] }]
  const ends: string[] = []
  const constant = (tensor: Tensor): string => {
    const name = `k${Object.keys(constants).length}`
    constants[name] = tensor
    return name
  }
  const add = (op: string, input: string[], attributes: Record<string, unknown> = {}): string => {
    nodes.push({ name: `n${nodes.length}`, op, input, attr: attributes })
    return `n${nodes.length - 1}`
  }
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)]!
  for (let count = 6 + random.integer(8); count > 0; count--) {
    const { name, dims } = random.integer(3) === 0 ? pick(pictures) : pictures.at(-1)!
    const [n, h, w, c] = dims as [number, number, number, number]
    const keep = (made: string, size: number[] = dims): void => void pictures.push({ name: made, dims: size })
    const alike = pictures.filter((other) => other.dims.join() === dims.join())
    switch (random.integer(13)) {
      case 0:
      case 1: {
        const [stride, filters] = [1 + random.integer(2), 1 + random.integer(5)]
        const attributes = { padding: attr.s('SAME'), strides: attr.ints(1, stride, stride, 1), dilations: attr.ints(1, 1, 1, 1) }
        keep(add('Conv2D', [name, constant(noise([3, 3, c, filters]))], attributes), [
          n,
          Math.ceil(h / stride),
          Math.ceil(w / stride),
          filters,
        ])
        break
      }
      case 2:
        keep(add('BiasAdd', [name, constant(noise([c]))]))
        break
      case 3:
        keep(add(pick(['Relu', 'Tanh', 'Neg', 'Relu6', 'Sigmoid']), [name]))
        break
      case 4:
        keep(add(pick(['AddV2', 'Mul', 'Sub', 'Maximum']), [name, pick(alike).name]))
        break
      case 5:
        keep(add('ConcatV2', [name, pick(alike).name, constant(int(3))]), [n, h, w, 2 * c])
        break
      case 6:
        keep(add('Pad', [name, constant(Tensor.of('int32', [4, 2], [0, 0, 1, 0, 0, 2, 0, 0]))]), [n, h + 1, w + 2, c])
        break
      case 7: {
        const gate = add('Mean', [name, constant(ints(1, 2))], { keep_dims: attr.b(true) })
        keep(add('Mul', [name, gate]))
        break
      }
      case 8:
        if (h > 2) keep(add('StridedSlice', [name, constant(ints(0, 1, 0, 0)), constant(ints(0, h, 0, 0)), constant(ints(1, 1, 1, 1))], { begin_mask: attr.i(13), end_mask: attr.i(13) }), [n, h - 1, w, c]) // prettier-ignore
        break
      case 9:
        keep(add('Mul', [name, constant(floats([], 1.5))]))
        keep(add('AddV2', [pictures.at(-1)!.name, constant(noise([1, w, 1]))]))
        break
      case 10:
        ends.push(
          add(pick(['Mean', 'Max', 'Sum']), [name, constant(pick([ints(1, 2), ints(3), ints(1), ints(-1, 0)]))], {
            keep_dims: attr.b(random.integer(2) === 0),
          }),
        )
        break
      case 11:
        ends.push(add(pick(['Softmax', 'ArgMax']), [name]))
        if (nodes.at(-1)!.op === 'ArgMax') nodes.at(-1)!.input!.push(constant(int(pick([1, 3]))))
        break
      default: {
        const turned = add('Transpose', [name, constant(ints(0, 2, 1, 3))])
        keep(turned, [n, w, h, c])
        ends.push(add('Reshape', [turned, constant(ints(n, -1))]))
      }
    }
  }
  return {
    inputs: { x: [2, 6, 5, 4] },
    constants,
    nodes,
    outputs: [...new Set([...ends.slice(0, 3), nodes.at(-1)!.name, pictures.at(-1)!.name])].filter((name) => name !== 'x'),
  }
}

it('wherever Transposes are moved to, random graphs give what TensorFlow.js gives', async () => {
  let convolutions = 0
  for (let seed = 0; seed < 80; seed++) {
    const graph = randomGraph(createRandom(`layout${seed}`))
    const own = await expectSameGraph(graph).catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error })
    })
    const ops = opsOf(own)
    convolutions += ops.filter((op) => op === 'Conv').length
    // One or two at the head, one at each end, and those that the graph has itself.
    const most = 2 + graph.outputs.length + graph.nodes.filter(({ op }) => op === 'Transpose').length
    expect(ops.filter((op) => op === 'Transpose').length, `seed ${seed}`).toBeLessThanOrEqual(most)
  }
  expect(convolutions).toBeGreaterThan(50)
})

import { type Graph, type Model, type Random, Tensor } from '@whittle/ir'
import { Builder } from '../builder.ts'
import type { Parameter } from './optimizer.ts'
import type { Learner } from './parameters.ts'

/** What is learned beside a weight that stays: a product of two small matrices, which is added to it (LoRA: Hu et al. 2022). */
export interface Correction {
  /** The weight, a matrix of its first axis by all others. */
  readonly of: string
  /** `[rows, rank]`, drawn at random, and `[rank, columns]`, zeros at first, so that the model starts as it is. */
  readonly left: Parameter
  readonly right: Parameter
  readonly learners: readonly Learner[]
  /** Zeros that stay. */
  readonly mask: Uint8Array | undefined
}

/**
 * Adds a correction to each kernel that has more rows and columns than the rank.
 * @param model is edited: readers of the weights read the sums.
 */
export function addCorrections(model: Model, learners: readonly Learner[], rank: number, random: Random, keepZeros: boolean): Correction[] {
  const { graph } = model
  const corrections: Correction[] = []
  for (const { value, role } of learners) {
    const { dims, size } = value.tensor!
    const [rows, columns] = [dims[0]!, size / dims[0]!]
    if (role !== 'kernel' || Math.min(rows, columns) <= rank) continue
    const values = value.tensor!.toFloat32()
    const mask = keepZeros && values.includes(0) ? Uint8Array.from(values, (item) => (item === 0 ? 0 : 1)) : undefined
    const drawn = random.fork(value.name)
    const left = factor(graph, `${value.name}_left`, [rows, rank], () => drawn.normal() / Math.sqrt(rank))
    const right = factor(graph, `${value.name}_right`, [rank, columns], () => 0)
    const b = new Builder(graph)
    const readers = [...value.uses]
    const product = b.reshape(b.op('MatMul', [left.learner.value, right.learner.value]), dims)
    const kept = mask ? b.mul(product, graph.addInitializer('correction_mask', Tensor.float32(dims, Float32Array.from(mask)))) : product
    const sum = b.add(value, kept)
    for (const { node, index } of readers) graph.setInput(node, index, sum)
    // One step of it moves the weight by as large a share of itself as a step of its own would.
    const unit = Math.sqrt(values.reduce((total, item) => total + item * item, 0) / size)
    corrections.push({
      of: value.name,
      left: left.parameter,
      right: { ...right.parameter, unit },
      learners: [left.learner, right.learner],
      mask,
    })
  }
  graph.sort()
  return corrections
}

function factor(graph: Graph, name: string, dims: readonly number[], draw: () => number): { learner: Learner; parameter: Parameter } {
  const values = Float32Array.from({ length: dims[0]! * dims[1]! }, draw)
  const value = graph.addInitializer(name, Tensor.float32(dims, values))
  return {
    learner: { value, role: 'kernel', outputAxis: undefined },
    parameter: { name: value.name, values, decays: true, state: {}, steps: 0 },
  }
}

/** A weight with its correction added. */
export function corrected(weight: Float32Array, { left, right, mask }: Correction, rows: number): Float32Array {
  const [rank, columns] = [left.values.length / rows, weight.length / rows]
  return weight.map((item, at) => {
    if (mask?.[at] === 0) return item
    const [row, column] = [Math.floor(at / columns), at % columns]
    let sum = item
    for (let inner = 0; inner < rank; inner++) sum += left.values[row * rank + inner]! * right.values[inner * columns + column]!
    return sum
  })
}

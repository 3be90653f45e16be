import { type Model, type Value, type WeightRole, invalidOption, scaleIndices, weightsOfNode } from '@whittle/ir'
import { latentOf } from '../fake-quantize.ts'
import type { Parameter } from './optimizer.ts'

/**
 * Which parameters learn: all of them, only biases and scales, those of the last layers (`{ last: 3 }`), those named, or, in place of the kernels
 * themselves, corrections of a low rank that are added to them (`{ rank: 4 }`).
 */
export type Learning = 'all' | 'biases' | { readonly last: number } | { readonly rank: number } | readonly string[]

export interface Learner {
  readonly value: Value
  readonly role: WeightRole
  readonly outputAxis: number | undefined
}

/** The float32 initializers that learn, once each, in the order of the nodes. Statistics of normalizations never do. */
export function learnersOf(model: Model, learning: Learning): Learner[] {
  const all = new Map<Value, Learner>()
  const layers: Value[][] = []
  for (const node of model.graph.nodes) {
    const own: Value[] = []
    for (const { value, role, outputAxis } of weightsOfNode(node)) {
      if (value.graph !== model.graph || value.tensor?.type !== 'float32' || role === 'statistics') continue
      if (!all.has(value)) all.set(value, { value, role, outputAxis })
      own.push(value)
    }
    if (own.length > 0) layers.push(own)
  }
  const learners = [...all.values()]
  if (learning === 'all') return learners
  if (learning === 'biases') return learners.filter(({ role }) => role === 'bias' || role === 'scale')
  if (Array.isArray(learning)) {
    const names = new Set(learning as readonly string[])
    for (const name of names)
      if (!learners.some(({ value }) => value.name === name))
        throw invalidOption('train', 'parameters', 'names of float32 weights of the model', name)
    return learners.filter(({ value }) => names.has(value.name))
  }
  if (rankOf(learning) !== undefined) return learners.filter(({ role }) => role === 'kernel')
  const last = (learning as { last?: unknown }).last
  if (!(typeof last === 'number' && Number.isInteger(last) && last > 0))
    throw invalidOption(
      'train',
      'parameters',
      "'all', 'biases', { last } or { rank } with a whole number, or names",
      JSON.stringify(learning),
    )
  const open = new Set(layers.slice(-last).flat())
  return learners.filter(({ value }) => open.has(value))
}

/** The rank of corrections; undefined where weights themselves learn. */
export function rankOf(learning: Learning): number | undefined {
  const rank = (learning as { rank?: unknown }).rank
  return typeof rank === 'number' && Number.isInteger(rank) && rank > 0 ? rank : undefined
}

/** A copy of a weight's elements to learn. Of a kernel with zeros that were put there, these stay. */
export function parameterOf({ value, role, outputAxis }: Learner, keepZeros: boolean, throughGrids: boolean): Parameter {
  const tensor = value.tensor!
  const grid = throughGrids && value.quantization?.kind === 'integer' ? value.quantization : undefined
  const values = grid ? latentOf(tensor, grid) : Float32Array.from(tensor.toFloat32())
  // What is zero because it was rounded is none of those that were put there.
  const zeroed = grid?.latent?.toFloat32() ?? values
  const kernel = role === 'kernel' || role === 'recurrent'
  const zeros = keepZeros && kernel && zeroed.includes(0)
  const mask = zeros ? Uint8Array.from(zeroed, (item) => (item === 0 ? 0 : 1)) : undefined
  // Channels may differ much where normalizations were folded into them.
  const groups = kernel && outputAxis !== undefined ? scaleIndices(tensor.dims, { axis: outputAxis }) : undefined
  return { name: value.name, values, mask, groups, decays: kernel, state: {}, steps: 0 }
}

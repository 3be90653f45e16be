import type { Dim, Value } from '@whittle/ir'
import { arithmetic } from '../blocks/types.ts'
import type { Emitter } from '../emitter.ts'
import type { LayerCall, LayerRule } from './call.ts'

/** Inputs of fewer dimensions get theirs after the batch, as TensorFlow.js's merge layers do. */
function aligned({ e, inputs }: LayerCall): Value[] {
  if (inputs.length < 2) throw e.fail('a layer that merges needs two inputs or more')
  const rank = Math.max(...inputs.map((input) => e.rank(input)))
  return inputs.map((input) => (e.rank(input) === rank ? input : e.unsqueeze(input, range(1, 1 + rank - e.rank(input)))))
}

const folded =
  (op: string): LayerRule =>
  (call) => {
    const [first, ...rest] = aligned(call)
    return rest.reduce((sum, value) => arithmetic(call.e, op, sum, value), first!)
  }

function concatenate({ e, config, inputs }: LayerCall): Value {
  if (inputs.length < 2) throw e.fail('a layer that concatenates needs two inputs or more')
  return e.node('Concat', inputs, { axis: e.axis(config.int('axis', -1), e.rank(inputs[0]!)) })
}

function dot({ e, config, inputs }: LayerCall): Value {
  const [left, right] = inputs
  if (!left || !right || inputs.length !== 2) throw e.fail('a Dot layer needs two inputs')
  const axes = config.ints('axes', 2)
  if (axes.length !== 2) throw e.fail('a Dot layer needs one axis for each input')
  const [a, b] = [left, right].map((value, index) => e.axis(axes[index]!, e.rank(value))) as [number, number]
  if (a === 0 || b === 0) throw e.refuse('a Dot layer along the batch')
  const [x, y] = config.bool('normalize', false) ? [unit(e, left, a), unit(e, right, b)] : [left, right]
  // The batch is 'a', what is summed 'b'; all other axes stay.
  let next = 'c'.charCodeAt(0)
  const letters = (rank: number, summed: number): string =>
    Array.from({ length: rank }, (_, axis) => (axis === 0 ? 'a' : axis === summed ? 'b' : String.fromCharCode(next++))).join('')
  const [first, second] = [letters(e.rank(x), a), letters(e.rank(y), b)]
  const kept = [...first, ...second].filter((letter) => letter !== 'a' && letter !== 'b').join('')
  const product = e.node('Einsum', [x, y], { equation: `${first},${second}->a${kept}` })
  return kept === '' ? e.unsqueeze(product, [1]) : product
}

/** Along an axis of length one, as `tf.layers.dot({normalize: true})`. */
function unit(e: Emitter, x: Value, axis: number): Value {
  const sum = e.node('ReduceSumSquare', [x, e.ints([axis])], { keepdims: 1 })
  const length = e.node('Sqrt', [e.node('Max', [sum, e.scalar(1e-7)])])
  return e.node('Div', [x, length])
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}

export const mergeLayers: Readonly<Record<string, LayerRule>> = {
  Add: folded('Add'),
  Multiply: folded('Mul'),
  Average: (call) => {
    const sum = [...aligned(call)].reduce((total, value) => arithmetic(call.e, 'Add', total, value))
    return call.e.node('Div', [sum, call.e.scalar(call.inputs.length)])
  },
  Maximum: folded('Max'),
  Minimum: folded('Min'),
  Concatenate: concatenate,
  Dot: dot,
}

/** The product of fixed sizes. */
export function productOf(dims: readonly Dim[]): number | undefined {
  return dims.every((dim) => typeof dim === 'number') ? dims.reduce((product, dim) => product * dim, 1) : undefined
}

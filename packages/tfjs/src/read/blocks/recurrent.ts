import { Tensor, type Value } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'
import { plain } from '../json.ts'

/** Weights of one direction, as TensorFlow.js keeps them: `[inputs, gates * units]`, `[units, gates * units]`, `[gates * units]`. */
export interface RecurrentWeights {
  readonly kernel: Tensor
  readonly recurrent: Tensor
  readonly bias: Tensor | undefined
}

export interface RecurrentOptions {
  readonly kind: 'LSTM' | 'GRU' | 'RNN'
  readonly name: string
  readonly units: number
  readonly activation: string
  readonly recurrentActivation: string
  readonly directions: readonly RecurrentWeights[]
  /** One for each direction: whether it reads the sequence from its end. */
  readonly reversed: readonly boolean[]
  readonly initial: readonly Value[]
}

/** For each gate of ONNX, which gate of TensorFlow.js it is. */
const GATES = { LSTM: [0, 3, 1, 2], GRU: [0, 1, 2], RNN: [0] } as const

const NAMES: Readonly<Record<string, string>> = {
  tanh: 'Tanh',
  sigmoid: 'Sigmoid',
  hardsigmoid: 'HardSigmoid',
  relu: 'Relu',
  elu: 'Elu',
  softsign: 'Softsign',
  softplus: 'Softplus',
  linear: 'Affine',
}

/** The outputs: `sequence [steps, directions, batch, units]`, and the last states `[directions, batch, units]`. */
export function recurrent(e: Emitter, x: Value, options: RecurrentOptions): { sequence: Value; states: Value[] } {
  const { kind, name, units, directions, reversed } = options
  if (e.rank(x) !== 3) throw e.fail(`a recurrent layer reads sequences of vectors, and its input has ${e.rank(x)} dimensions`)
  const order = GATES[kind]
  const inputs = e.fixed(x, 2)
  for (const { kernel, recurrent: own, bias } of directions) {
    check(e, kernel, [inputs, order.length * units])
    check(e, own, [units, order.length * units])
    if (bias) check(e, bias, [order.length * units])
  }
  const stacked = (part: string, make: () => Tensor): Value => e.derived(`${name}/${part}`, `recurrent ${e.scope}`, make)
  const w = stacked('kernel', () =>
    stack(
      directions.map(({ kernel }) => turned(kernel, order, units)),
      [order.length * units, inputs],
    ),
  )
  const r = stacked('recurrent_kernel', () =>
    stack(
      directions.map((direction) => turned(direction.recurrent, order, units)),
      [order.length * units, units],
    ),
  )
  const b = directions.some(({ bias }) => bias)
    ? stacked('bias', () =>
        stack(
          directions.map(({ bias }) => {
            const both = new Float32Array(2 * order.length * units)
            if (bias) both.set(turned(bias.reshape([1, bias.size]), order, units))
            return both
          }),
          [2 * order.length * units],
        ),
      )
    : undefined
  const first = e.transpose(x, [1, 0, 2])
  const initial = options.initial.map((state) => e.unsqueeze(state, [0]))
  const outputs = e.nodes(
    kind,
    [first, w, r, ...(b || initial.length > 0 ? [b] : []), ...(initial.length > 0 ? [undefined, ...initial] : [])],
    {
      hidden_size: units,
      direction: directions.length === 2 ? 'bidirectional' : reversed[0] ? 'reverse' : 'forward',
      ...activations(e, options),
    },
    kind === 'LSTM' ? 3 : 2,
  )
  return { sequence: outputs[0]!, states: outputs.slice(1) }
}

function activations(e: Emitter, { kind, activation, recurrentActivation, directions }: RecurrentOptions): Record<string, never> {
  const wanted =
    kind === 'LSTM' ? [recurrentActivation, activation, activation] : kind === 'GRU' ? [recurrentActivation, activation] : [activation]
  const names = wanted.map((name) => {
    const known = Object.hasOwn(NAMES, plain(name)) ? NAMES[plain(name)] : undefined
    if (!known) throw e.refuse(`a recurrent layer with activation '${name}'; it can be ${Object.keys(NAMES).join(', ')}`)
    return known
  })
  const all = directions.flatMap(() => names)
  // ONNX reads these lists name by name, skipping what takes no number.
  const alphas = all.flatMap((name) => ({ HardSigmoid: [0.2], Elu: [1], Affine: [1] })[name] ?? [])
  const betas = all.flatMap((name) => ({ HardSigmoid: [0.5], Affine: [0] })[name] ?? [])
  return {
    activations: all,
    ...(alphas.length > 0 ? { activation_alpha: { type: 'floats', value: alphas } } : {}),
    ...(betas.length > 0 ? { activation_beta: { type: 'floats', value: betas } } : {}),
  } as unknown as Record<string, never>
}

/** `[rows, gates * units]` to `[gates * units, rows]`, the gates in another order. */
function turned(tensor: Tensor, order: readonly number[], units: number): Float32Array {
  const data = tensor.toFloat32()
  const [rows, columns] = [tensor.dims[0]!, tensor.dims[1]!]
  const result = new Float32Array(data.length)
  order.forEach((from, gate) => {
    for (let unit = 0; unit < units; unit++)
      for (let row = 0; row < rows; row++) result[(gate * units + unit) * rows + row] = data[row * columns + from * units + unit]!
  })
  return result
}

function stack(parts: readonly Float32Array[], dims: readonly number[]): Tensor {
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  parts.forEach((part, index) => data.set(part, index * part.length))
  return Tensor.float32([parts.length, ...dims], data)
}

function check(e: Emitter, tensor: Tensor, dims: readonly number[]): void {
  if (tensor.dims.join() !== dims.join()) throw e.fail(`a weight of [${tensor.dims.join()}] should be [${dims.join()}]`)
}

import type { Tensor, Value } from '@whittle/ir'
import { recurrent, type RecurrentOptions } from '../blocks/recurrent.ts'
import type { Fields } from '../json.ts'
import type { LayerCall, LayerRule } from './call.ts'

const KINDS: Readonly<Record<string, RecurrentOptions['kind']>> = { LSTM: 'LSTM', GRU: 'GRU', SimpleRNN: 'RNN' }

type Weight = (end: string) => Tensor

function settings(
  call: LayerCall,
  kind: RecurrentOptions['kind'],
  config: Fields,
): Omit<RecurrentOptions, 'directions' | 'reversed' | 'initial'> {
  const { e, name } = call
  if (config.raw('stateful') === true) throw e.refuse('a stateful recurrent layer; give its states as inputs, or set stateful to false')
  if (config.raw('reset_after') === true) throw e.refuse('a GRU with reset_after, which TensorFlow.js cannot run either')
  return {
    kind,
    name,
    units: config.int('units'),
    activation: config.string('activation', 'tanh'),
    recurrentActivation: config.string('recurrent_activation', 'hard_sigmoid'),
  }
}

function weightsOf(config: Fields, weight: Weight): RecurrentOptions['directions'][number] {
  return {
    kernel: weight('kernel'),
    recurrent: weight('recurrent_kernel'),
    bias: config.bool('use_bias', true) ? weight('bias') : undefined,
  }
}

const single =
  (className: string): LayerRule =>
  (call) => {
    const { e, config, inputs } = call
    const kind = KINDS[className]!
    const backwards = config.bool('go_backwards', false)
    const { sequence, states } = recurrent(e, call.x, {
      ...settings(call, kind, config),
      directions: [weightsOf(config, call.tensor)],
      reversed: [backwards],
      initial: inputs.slice(1),
    })
    const output = config.bool('return_sequences', false)
      ? // A layer that reads backwards also gives its outputs in that order.
        stepsFirst(call, reversedIf(call, e.squeeze(sequence, [1]), backwards))
      : e.squeeze(states[0]!, [0])
    return config.bool('return_state', false) ? [output, ...states.map((state) => e.squeeze(state, [0]))] : output
  }

function reversedIf({ e }: LayerCall, sequence: Value, reverse: boolean): Value {
  if (!reverse) return sequence
  return e.node('Slice', [sequence, e.ints([-1]), e.ints([-(2 ** 31) + 1]), e.ints([0]), e.ints([-1])])
}

/** `[steps, batch, units]` to `[batch, steps, units]`. */
function stepsFirst({ e }: LayerCall, sequence: Value): Value {
  return e.transpose(sequence, [1, 0, 2])
}

function bidirectional(call: LayerCall): Value | readonly Value[] {
  const { e, config } = call
  const layer = config.fields('layer')
  const className = layer.string('class_name')
  const kind = Object.hasOwn(KINDS, className) ? KINDS[className] : undefined
  if (!kind) throw e.refuse(`a Bidirectional layer around ${className}`)
  const inner = layer.fields('config')
  if (call.inputs.length > 1) throw e.refuse('a Bidirectional layer that is given its first states')
  if (inner.bool('return_state', false)) throw e.refuse('a Bidirectional layer that gives its states')
  const backwards = inner.bool('go_backwards', false)
  if (backwards) throw e.refuse('a Bidirectional layer around one that reads backwards')
  const direction = (name: string): RecurrentOptions['directions'][number] => weightsOf(inner, (end) => call.tensor(`${name}_*/${end}`))
  const { sequence, states } = recurrent(e, call.x, {
    ...settings(call, kind, inner),
    directions: [direction('forward'), direction('backward')],
    reversed: [false, true],
    initial: [],
  })
  const isSequence = inner.bool('return_sequences', false)
  const parts = isSequence
    ? e.nodes('Split', [sequence], { axis: 1, num_outputs: 2 }, 2).map((part) => stepsFirst(call, e.squeeze(part, [1])))
    : e.nodes('Split', [states[0]!], { axis: 0, num_outputs: 2 }, 2).map((part) => e.squeeze(part, [0]))
  return merged(call, parts)
}

function merged({ e, config }: LayerCall, parts: readonly Value[]): Value | readonly Value[] {
  if (config.raw('merge_mode') === null || config.raw('merge_mode') === undefined) return parts
  switch (config.choice('merge_mode', ['concat', 'sum', 'ave', 'mul'])) {
    case 'concat':
      return e.node('Concat', parts, { axis: e.rank(parts[0]!) - 1 })
    case 'sum':
      return e.node('Add', parts)
    case 'ave':
      return e.node('Mul', [e.node('Add', parts), e.scalar(0.5)])
    default:
      return e.node('Mul', parts)
  }
}

/** Layers that see each step by itself whatever their input's rank is. */
const STEPWISE = new Set(['Dense', 'Activation', 'Dropout', 'ReLU', 'LeakyReLU', 'ELU', 'ThresholdedReLU', 'Rescaling'])

function timeDistributed(call: LayerCall): Value {
  const { e, config, x } = call
  const layer = config.fields('layer')
  if (STEPWISE.has(layer.string('class_name'))) return call.inner(layer, [x])[0]!
  const [batch, steps, ...rest] = e.shape(x)
  if (steps === undefined || batch === undefined) throw e.fail('TimeDistributed needs an input of three dimensions or more')
  if (typeof steps !== 'number') throw e.refuse('TimeDistributed over a free number of steps; convert the model with fixed input shapes')
  const all = e.reshape(x, [typeof batch === 'number' ? batch * steps : `${batch}*${steps}`, ...rest])
  const y = call.inner(layer, [all])[0]!
  return e.reshape(y, [batch, steps, ...e.shape(y).slice(1)])
}

/** An RNN layer around one of the cells that have a layer of their own. */
function rnn(call: LayerCall): Value | readonly Value[] {
  const { e, config } = call
  const cell = config.fields('cell')
  const className = cell.string('class_name').replace(/Cell$/, '')
  const kind = Object.hasOwn(KINDS, className) ? KINDS[className] : undefined
  if (!kind) throw e.refuse(`an RNN of cells of ${cell.string('class_name')}`)
  const own = cell.fields('config')
  const { sequence, states } = recurrent(e, call.x, {
    ...settings(call, kind, own),
    directions: [weightsOf(own, call.tensor)],
    reversed: [config.bool('go_backwards', false)],
    initial: call.inputs.slice(1),
  })
  if (config.raw('stateful') === true) throw e.refuse('a stateful recurrent layer; set stateful to false')
  const output = config.bool('return_sequences', false)
    ? stepsFirst(call, reversedIf(call, e.squeeze(sequence, [1]), config.bool('go_backwards', false)))
    : e.squeeze(states[0]!, [0])
  return config.bool('return_state', false) ? [output, ...states.map((state) => e.squeeze(state, [0]))] : output
}

export const recurrentLayers: Readonly<Record<string, LayerRule>> = {
  LSTM: single('LSTM'),
  GRU: single('GRU'),
  SimpleRNN: single('SimpleRNN'),
  RNN: rnn,
  Bidirectional: bidirectional,
  TimeDistributed: timeDistributed,
}

import type { Dim, Value } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'
import type { NodeRule, NodeRules } from './call.ts'

/**
 * Lists of tensors, which recurrent layers of graph models read their steps from and write them to. A list whose items are of one shape is a
 * tensor with one axis more, the first.
 */
const reserve: NodeRule = ({ e, input, numbers, attributes }) => {
  const type = attributes.type('element_dtype')
  // A free size can only be the batch; whether it is, shows when the first item is put in.
  const shape = numbers(0, 'shape of elements').map((size): Dim => (size < 0 ? batchOf(e) : size))
  const sizes = [e.int64(input(1)), ...shape.map((dim) => (typeof dim === 'number' ? e.ints([dim]) : batchSize(e)))]
  return e.node('Expand', [e.scalar(0, type), e.node('Concat', sizes, { axis: 0 })])
}

function batchOf(e: Emitter): Dim {
  const batch = e.graph.model.graph.inputs[0]?.shape?.[0]
  if (batch === undefined) throw e.refuse('a list of tensors whose shape is not known')
  return batch
}

function batchSize(e: Emitter): Value {
  const [x] = e.graph.model.graph.inputs
  return e.node('Slice', [e.node('Shape', [x]), e.ints([0]), e.ints([1])])
}

const setItem: NodeRule = ({ e, input }) => {
  const [list, item] = [input(0), input(2)]
  if (e.shape(list).slice(1).join() !== e.shape(item).join())
    throw e.refuse(`an item of [${e.shape(item).join()}] in a list of [${e.shape(list).slice(1).join()}]: lists of one shape can be read`)
  const place = e.unsqueeze(e.int64(input(1)), [0])
  return e.node('ScatterND', [list, place, e.unsqueeze(item, [0])])
}

const list: NodeRule = ({ input }) => input(0)

export const listOps: NodeRules = {
  TensorListFromTensor: list,
  TensorListStack: list,
  TensorListReserve: reserve,
  TensorListSetItem: setItem,
  TensorListGetItem: ({ e, input }) => e.node('Gather', [input(0), e.cast(input(1), 'int32')], { axis: 0 }),
  TensorListGather: ({ e, input }) => e.node('Gather', [input(0), e.cast(input(1), 'int32')], { axis: 0 }),
  TensorListLength: ({ e, input }) =>
    e.cast(e.squeeze(e.node('Slice', [e.node('Shape', [input(0)]), e.ints([0]), e.ints([1])]), [0]), 'int32'),
}

import type { Attribute } from '../attribute.ts'
import type { Node, Value } from '../graph.ts'
import { Tensor } from '../tensor.ts'

/**
 * The tensor of a constant: an initializer (a graph input's default is not one: the caller may change it), the output of a `Constant`
 * node, or one of the two behind `Identity` nodes. Undefined for all else.
 */
export function constantOf(value: Value | undefined): Tensor | undefined {
  let at = value
  while (at?.producer?.type === 'Identity') at = at.producer.inputs[0]
  if (!at) return undefined
  if (at.tensor) return at.isInput ? undefined : at.tensor
  return at.producer?.type === 'Constant' ? constantTensor(at.producer) : undefined
}

function constantTensor(node: Node): Tensor | undefined {
  for (const [name, attribute] of node.attributes) {
    const tensor = fromAttribute(name, attribute)
    if (tensor) return tensor
  }
  return undefined
}

function fromAttribute(name: string, attribute: Attribute): Tensor | undefined {
  // A list attribute without elements has lost its type: the name tells it.
  switch (attribute.type) {
    case 'tensor':
      return attribute.value
    case 'float':
      return Tensor.float32([], [attribute.value])
    case 'int':
      return name === 'value_float' ? Tensor.float32([], [Number(attribute.value)]) : int64([], [attribute.value])
    case 'string':
      return Tensor.strings([], [attribute.value])
    case 'floats':
      return Tensor.float32([attribute.value.length], attribute.value)
    case 'ints':
      if (name === 'value_floats') return Tensor.float32([attribute.value.length], attribute.value.map(Number))
      return int64([attribute.value.length], attribute.value)
    case 'strings':
      return Tensor.strings([attribute.value.length], attribute.value)
    default:
      return undefined
  }
}

function int64(dims: number[], values: readonly (number | bigint)[]): Tensor {
  return Tensor.of('int64', dims, BigInt64Array.from(values, BigInt))
}

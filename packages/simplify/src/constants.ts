import { type Node, Tensor } from '@whittle/ir'
import type { SimplifyRule } from './rule.ts'

/** Constant nodes become initializers: exporters such as Paddle's keep every weight in one. */
export const constants: SimplifyRule = {
  name: 'constants',
  apply(model, report) {
    let changed = 0
    for (const graph of model.graphs())
      for (const node of [...graph.nodes]) {
        if (node.type !== 'Constant') continue
        const tensor = tensorOf(node)
        if (!tensor) {
          report.skipped.push({ at: node.describe(), why: 'a constant that is not a dense tensor' })
          continue
        }
        const output = node.output
        if (output.isOutput) {
          report.skipped.push({ at: node.describe(), why: 'an output of its graph' })
          continue
        }
        const value = graph.addInitializer(`${output.name}`, tensor)
        graph.replaceUses(output, value)
        const name = output.name
        graph.removeNode(node)
        model.rename(value, name)
        changed++
      }
    if (changed > 0) report.changed.push({ at: 'graph', what: `${changed} Constant nodes became initializers` })
    return changed > 0
  },
}

function tensorOf(node: Node): Tensor | undefined {
  const [key, attribute] = [...node.attributes][0] ?? []
  if (!attribute) return undefined
  if (key === 'value' && attribute.type === 'tensor') return attribute.value
  if (key === 'value_float' && attribute.type === 'float') return Tensor.float32([], [attribute.value])
  if (key === 'value_floats' && attribute.type === 'floats') return Tensor.float32([attribute.value.length], attribute.value)
  if (key === 'value_int' && attribute.type === 'int') return Tensor.of('int64', [], BigInt64Array.of(BigInt(attribute.value)))
  if (key === 'value_ints' && attribute.type === 'ints')
    return Tensor.of('int64', [attribute.value.length], BigInt64Array.from(attribute.value, (item) => BigInt(item)))
  if (key === 'value_string' && attribute.type === 'string') return Tensor.strings([], [attribute.value])
  if (key === 'value_strings' && attribute.type === 'strings') return Tensor.strings([attribute.value.length], attribute.value)
  return undefined
}

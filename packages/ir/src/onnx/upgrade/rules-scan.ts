import type { Graph, Node } from '../../graph.ts'
import { type Rule, type UpgradeContext, replaceNode } from './context.ts'

/** Scan took a batch of sequences in opset 8, and takes one since: a Scan over the batch, of a Scan over the sequence, says the same. */
export const scanRules: Readonly<Record<string, readonly Rule[]>> = {
  Scan: [
    {
      since: 9,
      optionalInput: true,
      rewrite(node: Node, context: UpgradeContext) {
        const { graph } = node
        const body = node.attributes.get('body')
        if (node.inputs[0]) context.refuse(node, 'sequence_lens was removed')
        if (body?.type !== 'graph') context.refuse(node, 'its body is missing')
        if (node.inputs.slice(1).some((input) => !input)) context.refuse(node, 'an input is missing')
        const outer = graph.addNode({
          op: 'Scan',
          name: node.name,
          inputs: node.inputs.slice(1),
          outputs: node.outputs.map((output, index) => output?.name ?? `scan_${index}`),
          before: node,
        })
        outer.opaque = node.opaque
        const each = graph.addSubgraph(outer, `${body.value.name}_of_each`)
        const inputs = outer.inputs.map((input) => each.addInput(graph.model.uniqueName(`${input!.name}_of_each`), input!.elementType))
        const inner = each.addNode({ op: 'Scan', inputs, outputs: outer.outputs.map((output) => `${output!.name}_of_each`) })
        copyAttributes(node, inner, body.value)
        each.setOutputs(inner.outputs.map((output) => output!))
        inner.outputs.forEach((output, index) => (output!.elementType = node.outputs[index]?.elementType))
        outer.attributes.set('num_scan_inputs', { type: 'int', value: inputs.length })
        outer.attributes.set('body', { type: 'graph', value: each })
        return replaceNode(node, outer.outputs)
      },
    },
  ],
}

/** Moves the body, which may have only one owner. */
function copyAttributes(from: Node, to: Node, body: Graph): void {
  from.attributes.delete('body')
  body.owner = to
  to.attributes.set('body', { type: 'graph', value: body })
  to.attributes.set('num_scan_inputs', { type: 'int', value: from.int('num_scan_inputs', 1) })
  const directions = from.ints('directions')
  if (directions) to.attributes.set('scan_input_directions', { type: 'ints', value: directions })
}

import { Tensor, inferShapes } from '@whittle/ir'
import type { SimplifyRule } from './rule.ts'

/** `Shape` and `Size` of a value whose dimensions are all known become constants. */
export const knownShapes: SimplifyRule = {
  name: 'known-shapes',
  apply(model, report) {
    inferShapes(model)
    let changed = false
    for (const graph of model.graphs())
      for (const node of [...graph.nodes]) {
        if (node.type !== 'Shape' && node.type !== 'Size') continue
        const shape = node.inputs[0]?.shape
        if (!shape || node.output.isOutput) continue
        const wanted = node.type === 'Size' ? shape : shape.slice(node.int('start', 0), node.int('end', shape.length))
        if (!wanted.every((dim): dim is number => typeof dim === 'number')) continue
        const tensor = node.type === 'Size' ? Tensor.int64([], [wanted.reduce((a, b) => a * b, 1)]) : Tensor.int64([wanted.length], wanted)
        const at = node.describe()
        graph.replaceUses(node.output, graph.addInitializer(node.output.name, tensor))
        graph.removeNode(node)
        report.changed.push({ at, what: `became the constant [${tensor.toNumbers()}]` })
        changed = true
      }
    return changed
  },
}

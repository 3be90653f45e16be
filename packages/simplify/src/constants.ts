import { constantOf } from '@whittle/ir'
import type { SimplifyRule } from './rule.ts'

/** Constant nodes become initializers: exporters such as Paddle's keep every weight in one. */
export const constants: SimplifyRule = {
  name: 'constants',
  apply(model, report) {
    let changed = 0
    for (const graph of model.graphs())
      for (const node of [...graph.nodes]) {
        if (node.type !== 'Constant') continue
        const tensor = constantOf(node.output)
        if (!tensor) {
          report.skipped.push({ at: node.describe(), why: 'a constant that is not a dense tensor' })
          continue
        }
        const output = node.output
        if (output.isOutput) {
          report.skipped.push({ at: node.describe(), why: 'an output of its graph' })
          continue
        }
        const value = graph.addInitializer(output.name, tensor)
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

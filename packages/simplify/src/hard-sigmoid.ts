import { clipped, sixth } from './hard-swish.ts'
import { fuse } from './patterns.ts'
import type { SimplifyRule } from './rule.ts'

/**
 * `clip(x + 3, 0, 6) / 6`, as PyTorch spells it out (Howard et al. 2019), becomes HardSigmoid with a slope of 1 / 6.
 *
 * In onnxruntime-web's wasm eight Convs of 3 x 3, each with its own, take 1.00 of their time with it.
 */
export const hardSigmoid: SimplifyRule = {
  name: 'hard-sigmoid',
  apply(model, report) {
    // Below 11 the bounds of Clip are attributes.
    if ((model.opsets.get('') ?? 0) < 11) return false
    let changed = false
    for (const graph of model.graphs())
      for (const node of [...graph.nodes]) {
        const clip = sixth(node)
        const found = clip && clipped(clip)
        if (!found) continue
        const at = node.describe()
        const attributes = { alpha: { type: 'float', value: Math.fround(1 / 6) }, beta: { type: 'float', value: 0.5 } } as const
        if (!fuse(node, found.inner, () => ({ op: 'HardSigmoid', inputs: [found.x], attributes }))) continue
        report.changed.push({ at, what: 'clip(x + 3, 0, 6) / 6 became HardSigmoid' })
        changed = true
      }
    return changed
  },
}

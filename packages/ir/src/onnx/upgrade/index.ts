import { ModelError } from '../../errors.ts'
import { type Node } from '../../graph.ts'
import { INNER_OPSET, type Model } from '../../model.ts'
import { CarriedModel } from '../carried.ts'
import { type Rule, UpgradeContext } from './context.ts'
import { upgradeFunctions } from './functions.ts'
import { axesRules } from './rules-axes.ts'
import { flattenRules } from './rules-flatten.ts'
import { legacyRules } from './rules-legacy.ts'
import { normalizationRules } from './rules-normalization.ts'
import { resizeRules } from './rules-resize.ts'
import { scanRules } from './rules-scan.ts'
import { valueRules } from './rules-values.ts'

/**
 * Every op of ai.onnx whose meaning changed up to opset 21, by name, oldest change first. Changes that only admit more (types,
 * optional inputs, attributes whose default is the old meaning) need no rule.
 */
export const upgradeRules: Readonly<Record<string, readonly Rule[]>> = joined([
  legacyRules,
  axesRules,
  flattenRules,
  normalizationRules,
  resizeRules,
  scanRules,
  valueRules,
])

function joined(tables: readonly Readonly<Record<string, readonly Rule[]>>[]): Record<string, readonly Rule[]> {
  const rules = new Map<string, Rule[]>()
  for (const [op, list] of tables.flatMap((table) => Object.entries(table))) rules.set(op, [...(rules.get(op) ?? []), ...list])
  // Without a prototype: an op may be called 'constructor'.
  return Object.assign(Object.create(null), Object.fromEntries(rules))
}

/**
 * Rewrites a model of an older ai.onnx in place so that it means the same in `INNER_OPSET`; newer models stay as they are.
 * @param versions of the nodes that are of another version than the model.
 */
export function upgradeModel(model: Model, versions: Map<Node, number> = new Map()): void {
  const from = model.opsets.get('')
  const first = [...model.nodes()].find((node) => node.domain === '')
  if (from === undefined) {
    if (!first) return
    throw new ModelError('MODEL_NO_OPSET', `${first.describe()} is of ai.onnx, and the model does not say of which opset; export it again`)
  }
  if (from >= INNER_OPSET) return
  if (model.opaque instanceof CarriedModel) model.opaque = upgradeFunctions(model.opaque)
  const context = new UpgradeContext(model, from, versions)
  for (const late of [false, true]) {
    context.refresh()
    for (const node of [...model.nodes()]) upgradeNode(node, late, context, versions)
  }
  model.opsets.set('', INNER_OPSET)
}

function upgradeNode(node: Node, late: boolean, context: UpgradeContext, versions: Map<Node, number>): void {
  const from = context.versionOf(node)
  let version = from
  for (;;) {
    if (node.domain !== '') return
    const rule = upgradeRules[node.op]?.find(({ since, late: isLate = false }) => since > version && isLate === late)
    if (!rule) return
    if (!rule.rewrite) context.refuse(node, rule.removed ?? `it changed in opset ${rule.since}`)
    if ((!node.inputs[0] && !rule.optionalInput) || !node.outputs[0])
      throw new ModelError('NODE_INCOMPLETE', `${node.describe()} has no first input or no first output; export the model again`)
    version = rule.since
    node = rule.rewrite(node, context) ?? node
    if (context.versionOf(node) !== from) versions.set(node, from)
  }
}

import type { NodeRule, NodeRules } from './call.ts'
import { controlOps } from './control.ts'
import { convOps } from './conv.ts'
import { listOps } from './lists.ts'
import { arithmeticOps, logicalOps, mathOps } from './math.ts'
import { matrixOps, normalizationOps, reductionOps } from './matrices.ts'
import { sliceOps } from './slices.ts'
import { imageOps, sourceOps } from './sources.ts'
import { transformOps } from './transforms.ts'

/** The ops of graph models that can be read, by family, in the order of the documentation. */
export const opFamilies: readonly { readonly name: string; readonly rules: NodeRules }[] = [
  { name: 'Convolutions and poolings', rules: convOps },
  { name: 'Matrices', rules: matrixOps },
  { name: 'Normalizations', rules: normalizationOps },
  { name: 'Arithmetic', rules: arithmeticOps },
  { name: 'Functions', rules: mathOps },
  { name: 'Logic', rules: logicalOps },
  { name: 'Reductions', rules: reductionOps },
  { name: 'Slices and joins', rules: sliceOps },
  { name: 'Transformations', rules: transformOps },
  { name: 'Pictures', rules: imageOps },
  { name: 'Sources', rules: sourceOps },
  { name: 'Control flow', rules: controlOps },
  { name: 'Lists of tensors of one shape', rules: listOps },
]

const RULES: ReadonlyMap<string, NodeRule> = new Map(opFamilies.flatMap(({ rules }) => Object.entries(rules)))

export function nodeRule(op: string): NodeRule | undefined {
  return RULES.get(op)
}

import type { Rule } from '../rule.ts'
import { activationRules } from './activation.ts'
import { convRules } from './conv.ts'
import { elementwiseRules } from './elementwise.ts'
import { indexingRules } from './indexing.ts'
import { matmulRules } from './matmul.ts'
import { normalizationRules } from './normalization.ts'
import { poolingRules } from './pooling.ts'
import { quantizationRules } from './quantization.ts'
import { reductionRules } from './reduction.ts'
import { resizeRules } from './resize.ts'
import { shapeRules } from './shape.ts'

/** Every op that gradients go through, by family. */
export const ruleFamilies = {
  elementwise: elementwiseRules,
  activation: activationRules,
  matmul: matmulRules,
  conv: convRules,
  pooling: poolingRules,
  normalization: normalizationRules,
  reduction: reductionRules,
  shape: shapeRules,
  indexing: indexingRules,
  resize: resizeRules,
  quantization: quantizationRules,
} as const

const byOp = new Map<string, Rule>(Object.values(ruleFamilies).flatMap((rules) => rules.map((rule) => [rule.op, rule] as const)))

/** The rule of an op, as the op table names it. */
export const ruleOf = (op: string): Rule | undefined => byOp.get(op)

/** The ops that gradients go through, in the table's order. */
export const differentiableOps: readonly string[] = [...byOp.keys()]

import { type Context, type Model, type Report, type Transform, invalidOption } from '@whittle/ir'
import { attentionScale } from './attention-scale.ts'
import { batchNormalization } from './batch-normalization.ts'
import { casts } from './casts.ts'
import { clips } from './clips.ts'
import { commonSubexpressions } from './common-subexpressions.ts'
import { constantBranches } from './constant-branches.ts'
import { constants } from './constants.ts'
import { deadCode } from './dead-code.ts'
import { duplicateInitializers } from './duplicate-initializers.ts'
import { foldConstants } from './fold-constants.ts'
import { gelu } from './gelu.ts'
import { hardSigmoid } from './hard-sigmoid.ts'
import { hardSwish } from './hard-swish.ts'
import { identities } from './identities.ts'
import { knownShapes } from './known-shapes.ts'
import { layerNormalization } from './layer-normalization.ts'
import { matmulAdd } from './matmul-add.ts'
import { pad } from './pad.ts'
import { reshapes } from './reshapes.ts'
import { scaleShift } from './scale-shift.ts'
import { transposes } from './transposes.ts'
import type { SimplifyRule } from './rule.ts'

export type { SimplifyRule } from './rule.ts'

/** All rules, in the order in which a round applies them. */
export const SIMPLIFY_RULES: readonly SimplifyRule[] = [
  constants,
  identities,
  knownShapes,
  foldConstants,
  constantBranches,
  casts,
  reshapes,
  transposes,
  clips,
  commonSubexpressions,
  pad,
  matmulAdd,
  batchNormalization,
  layerNormalization,
  gelu,
  hardSwish,
  hardSigmoid,
  attentionScale,
  scaleShift,
  duplicateInitializers,
  deadCode,
]

export interface SimplifyOptions {
  /** Names of rules to leave out. @default [] */
  skip?: string[]
}

const DEFAULTS: Required<SimplifyOptions> = { skip: [] }

/** Rounds after which a model that keeps changing is a bug of a rule. */
const MAX_ROUNDS = 100

/**
 * Says the same with fewer nodes: constants become initializers, what depends on constants alone is computed, BatchNormalization goes into
 * the Conv or Gemm beside it, a LayerNormalization, Gelu or HardSwish that was spelled out becomes one node, and what nobody reads is removed.
 * Outputs stay equal up to rounding.
 */
export function simplify(options: SimplifyOptions = {}): Transform {
  const skip = options.skip ?? DEFAULTS.skip
  const names = SIMPLIFY_RULES.map((rule) => rule.name)
  const expected = `a list of names among ${names.join(', ')}`
  if (!Array.isArray(skip)) throw invalidOption('simplify', 'skip', expected, skip)
  for (const name of skip) if (!names.includes(name)) throw invalidOption('simplify', 'skip', expected, name)
  const rules = SIMPLIFY_RULES.filter((rule) => !skip.includes(rule.name))
  return {
    name: 'simplify',
    options: { skip: [...skip] },
    async run(model: Model, context: Context): Promise<Report> {
      const report: Report = { changed: [], skipped: [] }
      for (let round = 0; round < MAX_ROUNDS; round++) {
        let changed = false
        // Only the last round's reasons stand: an earlier one may have gone since.
        report.skipped.length = 0
        for (const rule of rules) {
          context.signal?.throwIfAborted()
          if (await rule.apply(model, report, context)) changed = true
        }
        if (!changed) break
      }
      return report
    },
  }
}

import type { Dataset, Engine, Model, StepReport, Target } from '@whittle/ir'
import type { GoldenInput } from '@whittle/targets'
import type { Evaluation } from './accuracy/evaluation.ts'
import type { Judged } from './accuracy/fit.ts'
import type { Forecast } from './forecast.ts'
import type { Attempt } from './fit-integers.ts'
import type { Lowering } from './lower/lower.ts'
import type { Recipe } from './recipe.ts'
import type { Artefact, Quality, VariantReport } from './types.ts'
import type { Reference } from './verify.ts'

export interface Engines {
  /** Fast: calibration, folding. */
  readonly native: Engine
  /** The browser's own arithmetic: verification. */
  readonly wasm: Engine
  /** The small runtime's. */
  readonly tfjs: Engine
}

/** One recipe, run; shared by all targets. */
export interface Compressed {
  readonly model: Model
  readonly reports: StepReport[]
}

/** One file, written and verified. */
export interface Verified extends Omit<Artefact, 'name'> {
  readonly brotli: number
  readonly quality: Record<string, Quality>
}

/** What a target gets. */
export interface Lowered extends Verified, Attempt {
  readonly lowering: Lowering
  /** What the small runtime's program calls. */
  readonly kernels: readonly string[]
}

/** One way to build a variant, built. */
export interface Made extends Lowered, Judged {
  readonly id: string
  readonly recipe: Recipe
  readonly target: Target
  /** What was compressed; with the dims of a typical run where the small runtime executes it. */
  readonly model: Model
  readonly small: boolean
  readonly steps: StepReport[]
  /** Of what ships, read back. */
  readonly outlook: Forecast
  readonly warnings: string[]
}

/** What is the same for all variants of an import. */
export interface Shared {
  readonly name: string
  readonly model: Model
  readonly calibration: Dataset | undefined
  /** Samples to learn from; where there are none, those of `calibration`. */
  readonly training: Dataset | undefined
  /** What `distill=` and `qat=` follow in place of the model. */
  readonly teacher: Model | undefined
  /** Where the samples come from on which outputs are compared. */
  readonly from: VariantReport['samples']['from']
  readonly reference: Reference
  readonly evaluation: Evaluation | undefined
  /** The inputs' dims at a typical run. */
  readonly shapes: Record<string, readonly number[]>
  readonly golden: Readonly<Record<string, GoldenInput>> | undefined
}

import type { Context, Model, Report } from '@whittle/ir'

/** One family of rewrites. Runs over the whole model until nothing changes. */
export interface SimplifyRule {
  /** The file, the test and the heading in the README. */
  readonly name: string
  /** Applies every rewrite that it finds once; true when it changed something. */
  apply(model: Model, report: Report, context: Context): boolean | Promise<boolean>
}

import { type Context, type Model, type StepReport, compress, createRandom, silentLogger } from '@whittle/ir'
import { nativeEngine } from '@whittle/engine'
import { SIMPLIFY_RULES, simplify } from '@whittle/simplify'
import { differenceOf, randomInputs, runModel } from '@whittle/testing'

export const engine = nativeEngine({ threads: 1 })

export const context = (more: Partial<Context> = {}): Context => ({ logger: silentLogger, random: createRandom('test'), engine, ...more })

/** Runs one rule by itself (or several), and checks that outputs keep names and numbers. */
export async function applyRule(
  names: string | string[],
  model: Model,
  { tolerance = 1e-5, ...more }: Partial<Context> & { tolerance?: number } = {},
): Promise<{ model: Model; report: StepReport; reasons: string[]; ops: string[] }> {
  const wanted = [names].flat()
  for (const name of wanted) if (!SIMPLIFY_RULES.some((rule) => rule.name === name)) throw new Error(`no rule ${name}`)
  const skip = SIMPLIFY_RULES.map((rule) => rule.name).filter((name) => !wanted.includes(name))
  const { model: after, reports } = await compress(model, [simplify({ skip })], context(more))
  const difference = await distance(model, after)
  if (!(difference <= tolerance)) throw new Error(`outputs differ by ${difference}`)
  return { model: after, report: reports[0]!, reasons: reports[0]!.skipped.map(({ why }) => why), ops: opsOf(after) }
}

/** The largest relative difference over all outputs, on random inputs, in onnxruntime-node. */
export async function distance(before: Model, after: Model, dims: Record<string, number> = {}): Promise<number> {
  const inputs = randomInputs(before, createRandom('inputs'), dims)
  const [expected, actual] = [await runModel(before, inputs), await runModel(after, inputs)]
  if (Object.keys(expected).join() !== Object.keys(actual).join()) return Infinity
  return Math.max(...Object.entries(expected).map(([name, tensor]) => differenceOf(tensor, actual[name]!)))
}

export function opsOf(model: Model): string[] {
  return [...model.nodes()].map((node) => node.type)
}

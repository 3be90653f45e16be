import { goldenValues, sketch, sketchSqnr, type Golden, type Manifest, type ManifestVariant } from '@whittle/targets'
import { keep, recall } from './store.ts'
import { arrayOf, type ElementType, type Tensor } from './tensor.ts'

/** What a check gave on this browser: `wrong` is the reason, absent where the answer was right. */
export interface Finding {
  readonly wrong?: string
}

/** Milliseconds for which a finding holds: drivers change without a word. */
const HOLDS = 7 * 864e5

/**
 * Runs the golden check: whether a provider gives, for made-up inputs, what the same file gave in wasm when the app was built.
 * @returns why it is wrong, naming the output.
 */
export async function findWrong(
  run: (inputs: Record<string, Tensor>) => Promise<Readonly<Record<string, Tensor>>>,
  { inputs, golden: made = {} }: Manifest,
  golden: Golden,
): Promise<string | undefined> {
  const feeds: Record<string, Tensor> = {}
  Object.entries(made).forEach(([name, input], seed) => {
    const type = inputs.find((port) => port.name === name)!.elementType as ElementType
    feeds[name] = { type, data: arrayOf(type, goldenValues(input, !type.startsWith('float'), seed)), dims: input.dims }
  })
  const outputs = await run(feeds)
  for (const [name, expected] of Object.entries(golden.outputs)) {
    const sqnr = sketchSqnr(expected, sketch((outputs[name]?.data ?? []) as ArrayLike<number>))
    if (!(sqnr >= golden.sqnr))
      return `its answer is wrong: '${name}' has an SQNR of ${sqnr.toFixed(1)} dB against the build's, expected ${golden.sqnr}`
  }
  return undefined
}

/** One file on one device of one version of a browser. */
function keyOf({ provider, deviceType, files: [file] }: ManifestVariant): string {
  return `finding/${provider}-${deviceType}/${file!.sha256}`
}

/** What an earlier load found out, if it still holds. */
export async function recallFinding(variant: ManifestVariant): Promise<Finding | undefined> {
  const { agent, until, wrong } = (await recall(keyOf(variant), 'json')) ?? {}
  return agent === navigator.userAgent && Date.now() < until ? { wrong } : undefined
}

export function keepFinding(variant: ManifestVariant, wrong?: string): Promise<void> {
  return keep(keyOf(variant), JSON.stringify({ agent: navigator.userAgent, until: Date.now() + HOLDS, wrong }))
}

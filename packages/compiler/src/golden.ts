import { type ElementType, type Engine, type Sample, Tensor, type Tensors, kindOf } from '@whittle/ir'
import { type Golden, type GoldenInput, goldenValues, sketch, sketchSqnr } from '@whittle/targets'

/** Relative changes of the inputs by which it is seen how much rounding in another order of operations, or in float16, does to the outputs. */
const NUDGE = { float32: 2 ** -18, float16: 2 ** -10 }

/** Decibels below the answer to nudged inputs at which an answer is still taken for the same, and the range that is asked for at all. */
const MARGIN = 15
const LEAST = 6
const MOST = { float32: 40, float16: 20, integer: 15 }

/** Types whose elements a browser may give as bits, or not as numbers at all. */
const MAY_BE_BITS: readonly ElementType[] = ['float16', 'bfloat16', 'string']

/** How a variant computes: what asks least of its answers. */
export type Arithmetic = keyof typeof MOST

/**
 * How the inputs of the golden check are made up: of the samples' sizes, and between their least and their largest element.
 * @returns undefined where an input is of an element type that cannot be made up.
 */
export function goldenInputs(samples: readonly Sample[]): Record<string, GoldenInput> | undefined {
  const inputs: Record<string, GoldenInput> = {}
  for (const [name, { type, dims }] of Object.entries(samples[0]!.inputs)) {
    if (MAY_BE_BITS.includes(type)) return undefined
    let [low, high] = [Infinity, -Infinity]
    for (const { inputs: given } of samples)
      for (const value of given[name]!.toNumbers()) {
        low = Math.min(low, value)
        high = Math.max(high, value)
      }
    // Three digits of a float say enough, and nothing of a single sample.
    const round = (value: number): number => (kindOf(type) === 'float' ? Number(value.toPrecision(3)) : value)
    if (!Number.isFinite(low) || !Number.isFinite(high)) return undefined
    inputs[name] = { dims: [...dims], low: round(low), high: round(high) }
  }
  return inputs
}

/**
 * What a file gives for the made-up inputs in the browser's own arithmetic, and how near another provider's answer has to come. Outputs that
 * change by themselves when the inputs hardly do, or are all zero, are left out, as are integers beside floats: an index jumps.
 * @returns undefined where nothing is left to compare with, or the model does not run on made-up inputs.
 */
export async function goldenOf(
  engine: Engine,
  bytes: Uint8Array,
  inputs: Readonly<Record<string, GoldenInput>>,
  types: Readonly<Record<string, ElementType>>,
  arithmetic: Arithmetic,
): Promise<Golden | undefined> {
  const nudge = NUDGE[arithmetic === 'float16' ? 'float16' : 'float32']
  const session = await engine.open(bytes)
  let given: Tensors
  let nudged: Tensors
  try {
    given = await session.run(feeds(inputs, types, 0))
    nudged = await session.run(feeds(inputs, types, nudge))
  } catch {
    // Made-up ids, lengths or states that do not fit one another: it says nothing of the variant, which ran on the samples.
    return undefined
  } finally {
    await session.dispose()
  }
  const floats = Object.values(given).some(({ type }) => kindOf(type) === 'float')
  const outputs: Record<string, number[]> = {}
  let least: number = MOST[arithmetic]
  for (const [name, tensor] of Object.entries(given)) {
    if (MAY_BE_BITS.includes(tensor.type) || (floats && kindOf(tensor.type) !== 'float')) continue
    const own = sketch(tensor.toNumbers())
    const sqnr = sketchSqnr(own, sketch(nudged[name]!.toNumbers())) - MARGIN
    if (!own.some((value) => value !== 0) || !(sqnr >= LEAST)) continue
    outputs[name] = own.map((value) => Number(value.toPrecision(6)))
    least = Math.min(least, Math.floor(sqnr))
  }
  return Object.keys(outputs).length > 0 ? { sqnr: least, outputs } : undefined
}

function feeds(inputs: Readonly<Record<string, GoldenInput>>, types: Readonly<Record<string, ElementType>>, nudge: number): Tensors {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input], seed) => {
      const type = types[name]!
      const whole = kindOf(type) !== 'float'
      const values = goldenValues(input, whole, seed)
      if (nudge > 0 && !whole) values.forEach((value, at) => (values[at] = value * (1 + (at % 2 ? nudge : -nudge))))
      return [name, Tensor.of(type, input.dims, values)]
    }),
  )
}

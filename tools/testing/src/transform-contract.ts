import { type Context, type Model, type Report, type Transform, compress, createRandom, problemsOf, silentLogger } from '@whittle/ir'
import { describe, expect, test } from 'vitest'
import { differenceOf, fingerprint } from './compare.ts'
import { type ModelName, models, randomModel } from './models.ts'
import { randomInputs, runModel } from './run.ts'

export interface ContractOptions {
  /**
   * How far outputs may go, relative to the largest output; 0 for a transform that must not change a bit, Infinity for one that
   * changes results on purpose (shapes, types and finiteness are compared all the same). Default 1e-5.
   */
  tolerance?: number
  /** What the transform needs beyond a logger and a random source. */
  context?: (model: Model) => Partial<Context>
  /** Further models that the suite runs through. */
  models?: Record<string, () => Model>
  /** False for a transform that takes a share of what it finds, and so takes more in a second run. Default true. */
  settles?: boolean
  /** How many random models are tried. Default 12. */
  randomModels?: number
}

/**
 * Declares the tests that every transform passes: it leaves models valid and numerically close, leaves its input alone, changes
 * nothing when it runs again, gives the same for the same seed, and gives a reason for all that it skips.
 */
export function transformContract(name: string, make: () => Transform, options: ContractOptions = {}): void {
  const { tolerance = 1e-5, settles = true } = options
  const contextOf = (model: Model): Context => ({ logger: silentLogger, random: createRandom('contract'), ...options.context?.(model) })
  const apply = (model: Model): ReturnType<typeof compress> => compress(model, [make()], contextOf(model))

  const cases: Record<string, () => Model> = { ...models, ...options.models }
  for (let index = 0; index < (options.randomModels ?? 12); index++) cases[`random ${index}`] = () => randomModel(`${name}/${index}`)

  describe(`${name} keeps the contract of transforms`, () => {
    test('has a name, and options that are plain JSON', () => {
      const transform = make()
      expect(transform.name).toMatch(/^[a-z][a-z0-9-]*$/)
      expect(JSON.parse(JSON.stringify(transform.options))).toEqual(transform.options)
    })

    describe.each(Object.keys(cases))('on %s', (key) => {
      const load = cases[key as ModelName]!

      test('leaves a valid model with the same inputs and outputs, and its input untouched', async () => {
        const model = load()
        const before = fingerprint(model)
        const { model: after, reports } = await apply(model)
        expect(fingerprint(model)).toBe(before)
        expect(problemsOf(after)).toEqual([])
        expect(portsOf(after)).toEqual(portsOf(model))
        expectReasons(reports[0]!)
      })

      test(`gives the same model for the same seed${settles ? ', and changes nothing in a second run' : ''}`, async () => {
        const model = load()
        const first = await apply(model)
        expect(fingerprint((await apply(model)).model)).toBe(fingerprint(first.model))
        if (!settles) return
        const second = await apply(first.model)
        expect(second.reports[0]!.changed).toEqual([])
        expect(fingerprint(second.model)).toBe(fingerprint(first.model))
      })

      test(`keeps the outputs ${tolerance === Infinity ? 'finite and of the same shapes' : `within ${tolerance}`}`, async () => {
        const model = load()
        const inputs = randomInputs(model, createRandom(`inputs of ${key}`))
        const expected = await runModel(model, inputs)
        const actual = await runModel((await apply(model)).model, inputs)
        expect(Object.keys(actual)).toEqual(Object.keys(expected))
        for (const [output, tensor] of Object.entries(expected)) {
          const found = actual[output]!
          expect([found.type, ...found.dims], output).toEqual([tensor.type, ...tensor.dims])
          if (tolerance === Infinity) expect(found.toNumbers().every(Number.isFinite), `${output} is finite`).toBe(true)
          else expect(differenceOf(tensor, found), output).toBeLessThanOrEqual(tolerance)
        }
      })
    })
  })
}

/** Names and types of what goes in and comes out. */
function portsOf(model: Model): unknown {
  const port = (value: Model['graph']['inputs'][number]): unknown[] => [value.name, value.elementType, value.shape]
  return [model.graph.inputs.filter((input) => !input.tensor).map(port), model.graph.outputs.map(port)]
}

function expectReasons(report: Report): void {
  for (const { at, what } of report.changed) expect(at.trim() && what.trim(), 'each change says where and what').toBeTruthy()
  for (const { at, why } of report.skipped) expect(at.trim() && why.trim(), 'each skip says where and why').toBeTruthy()
}

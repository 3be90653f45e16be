import { nativeEngine } from '@whittle/engine'
import { type Sample, compress, createRandom, silentLogger } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { quantize } from '@whittle/quantize'
import { noiseShare } from '@whittle/statistics'
import { simplify } from '@whittle/simplify'
import { wasm } from '@whittle/targets'
import { randomInputs } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { type Attempt, fitIntegers } from '../src/fit-integers.ts'
import { candidatesOf } from '../src/lower/candidates.ts'
import { type Choose, lower } from '../src/lower/lower.ts'
import { measureIntegerNoise } from '../src/lower/noise.ts'
import { planIntegers } from '../src/lower/plan.ts'
import { wideNet } from './project.ts'

const shapes = { x: [1, 64, 8, 8] }
const original = wideNet()
const samples: Sample[] = Array.from({ length: 3 }, (_, at) => ({ inputs: randomInputs(original, createRandom(`sample/${at}`), { N: 1 }) }))
const engine = nativeEngine()

async function quantized() {
  const calibration = {
    key: 'test',
    async *samples() {
      yield* samples
    },
  }
  const context = { engine, calibration, logger: silentLogger, random: createRandom('test') }
  return (await compress(original, [simplify(), quantize({ activations: 8 })], context)).model
}

/** Of the model lowered so, against the model whose weights are only stored in int8. */
async function noiseOf(choose: Choose): Promise<number> {
  const outputs = []
  for (const way of [() => new Set<never>(), choose]) {
    const model = await quantized()
    lower(model, wasm, shapes, way)
    const session = await engine.open(writeOnnx(model), { optimization: 'none' })
    outputs.push(await Promise.all(samples.map(({ inputs }) => session.run(inputs))))
  }
  return noiseShare(outputs[0]!, outputs[1]!)
}

describe('the noise of nodes in int8', () => {
  it('is what a model with that node alone in int8 shows, and adds up to about that of all', async () => {
    const model = await quantized()
    const { integerOutputs } = lower(model.clone(), wasm, shapes)
    expect(integerOutputs).toHaveLength(2)
    const noise = await measureIntegerNoise(model, wasm, shapes, integerOutputs, engine, samples)
    for (const name of integerOutputs) {
      const alone = await noiseOf((candidates) => new Set(candidates.filter(({ node }) => node.output.name === name)))
      expect(alone).toBeGreaterThan(0)
      expect(noise.get(name)! / alone).toBeCloseTo(1, 6)
    }
    const all = await noiseOf((candidates) => new Set(candidates))
    const sum = [...noise.values()].reduce((a, b) => a + b, 0)
    expect(all / sum).toBeGreaterThan(0.3)
    expect(all / sum).toBeLessThan(3)
  })

  it('limits the plan: the noisier node is left in float where the quieter one has room', async () => {
    const model = await quantized()
    const { candidates } = candidatesOf(model.graph.nodes)
    const sizes = new Map(candidates.flatMap(({ output, input }) => [output, input].map((value) => [value.name, [1, 64, 64, 64]] as const)))
    const [first, second] = candidates.map(({ node }) => node.output.name) as [string, string]
    const plan = (most: number) =>
      [
        ...planIntegers(candidates, sizes, wasm.cost!, {
          noise: new Map([
            [first, 1e-2],
            [second, 1e-4],
          ]),
          most,
        }),
      ].map(({ node }) => node.output.name)
    expect(plan(1)).toEqual(expect.arrayContaining([first, second]))
    expect(plan(1e-3)).toEqual([second])
    expect(plan(1e-5)).toEqual([])
  })
})

describe('fitting', () => {
  /** Of attempts in turn: all, none, then some. */
  const fit = async (asked: number | undefined, sqnrs: readonly number[], counts: readonly number[]) => {
    let next = 0
    const attempt = async (): Promise<Attempt & { index: number }> => {
      const index = next++
      const names = Array.from({ length: counts[index]! }, (_, at) => `n${at}`)
      return { index, sqnr: sqnrs[index]!, lowering: { integerNodes: names, integerOutputs: names, dynamicNodes: [] } }
    }
    const { result, warnings } = await fitIntegers(wasm, asked, attempt, async () => new Map())
    return { index: result.index, warnings }
  }

  it('takes all nodes where the goal holds, or where the weights alone are as far from it', async () => {
    expect(await fit(25, [26], [9])).toEqual({ index: 0, warnings: [] })
    expect(await fit(25, [12, 12.5], [9, 0])).toEqual({ index: 0, warnings: [] })
  })

  it('lets computing bring as much noise as storing does where nothing is asked for, and holds what is', async () => {
    expect(await fit(undefined, [25.1], [9])).toMatchObject({ index: 0 })
    expect(await fit(undefined, [23.3, 26], [9, 0])).toEqual({ index: 0, warnings: [] })
    expect(await fit(undefined, [22.3, 26, 23.5], [9, 0, 8])).toMatchObject({ index: 2 })
    expect(await fit(25, [24.9, 25.2, 25.1], [9, 0, 8])).toMatchObject({ index: 2 })
    expect(await fit(25, [24.9, 25.2, 24.9, 24.9, 24.9], [9, 0, 8, 8, 8])).toMatchObject({ index: 1 })
  })

  it('takes fewer until the goal holds, and says what that leaves', async () => {
    const { index, warnings } = await fit(25, [20, 40, 24, 27], [9, 0, 7, 5])
    expect(index).toBe(3)
    expect(warnings).toEqual([
      'computing 9 nodes in int8 would leave an SQNR of 20.0 dB: the 5 that spoil least for the time do, which leaves 27.0 dB',
    ])
  })

  it('takes none where the nodes that are rounded at every run are what spoils the outputs', async () => {
    const attempt = async (choose?: Choose): Promise<Attempt> => {
      const dynamicNodes = choose ? [] : ['n0', 'n1']
      return { sqnr: choose ? 40 : 12, lowering: { integerNodes: [], integerOutputs: [], dynamicNodes } }
    }
    const { result, warnings } = await fitIntegers(wasm, 25, attempt, async () => new Map())
    expect(result.sqnr).toBe(40)
    expect(warnings).toHaveLength(1)
  })

  it('takes none where no choice holds the goal', async () => {
    const { index, warnings } = await fit(25, [3, 40, 10, 11, 12], [9, 0, 7, 5, 4])
    expect(index).toBe(1)
    expect(warnings).toEqual([
      'computing 9 nodes in int8 would leave an SQNR of 3.0 dB, and storing their weights in int8 leaves 40.0 dB: all compute in float32',
    ])
  })
})

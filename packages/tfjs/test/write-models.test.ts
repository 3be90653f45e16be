import { compress, createRandom, inferShapes, silentLogger } from '@whittle/ir'
import { readOnnxFile } from '@whittle/ir/onnx'
import { nativeEngine } from '@whittle/engine'
import { simplify } from '@whittle/simplify'
import { buildModel, fixture } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { writeProgram, whyNoProgram } from '../src/write/write-program.ts'
import { both, startWritten } from './program.ts'

async function simplified(name: Parameters<typeof fixture>[0]) {
  const { model } = readOnnxFile(fixture(name))
  const context = { engine: nativeEngine(), logger: silentLogger, random: createRandom('test') }
  return (await compress(model, [simplify()], context)).model
}

function sqnr(want: Float32Array, got: Float32Array): number {
  const noise = want.reduce((sum, value, at) => sum + (value - got[at]!) ** 2, 0)
  return 10 * Math.log10(want.reduce((sum, value) => sum + value ** 2, 0) / noise)
}

describe('real models as programs', () => {
  it.each([
    ['direction', { h: 48, w: 192 }],
    ['recogniser', { h: 48, w: 96 }],
  ] as const)('%s gives what onnxruntime gives, at a size that the program does not know', async (name, { h, w }) => {
    const model = await simplified(name)
    const dims = Object.fromEntries(
      model.graph.inputs[0]!.shape!.flatMap((dim, at) => (typeof dim === 'string' ? [[dim, [1, 3, h, w][at]!]] : [])),
    )
    const { got, want } = await both(model, dims)
    for (const [output, tensor] of Object.entries(want)) {
      expect(got[output]!.dims).toEqual(tensor.dims)
      expect(sqnr(tensor.toFloat32(), got[output]!.data as Float32Array)).toBeGreaterThan(80)
    }
  })

  it('has two transpositions in all of a network of convolutions', async () => {
    const { program } = writeProgram(await simplified('direction'))
    expect(program.steps.filter(([kernel]) => kernel === 'Transpose').length).toBeLessThanOrEqual(2)
  })

  it('runs again and again in the same memory, and gives the same', async () => {
    const model = await simplified('direction')
    inferShapes(model)
    const session = await startWritten(writeProgram(model))
    const x = { dims: [1, 3, 48, 192], data: Float32Array.from({ length: 3 * 48 * 192 }, (_, at) => Math.sin(at)) }
    const name = model.graph.inputs[0]!.name
    const first = session.run({ [name]: x })
    for (let at = 0; at < 20; at++) expect(session.run({ [name]: x })).toEqual(first)
    session.dispose()
    expect(() => session.run({ [name]: x })).toThrow('disposed')
  })
})

describe('a model that the kernels cannot compute', () => {
  it('is refused with the node that stands in the way', async () => {
    const why = whyNoProgram(await simplified('voice'))
    expect(why).toMatch(/^the model cannot run on TensorFlow\.js: it has no kernel for If '/)
  })

  it('is refused where kernels exist, but not for these attributes', () => {
    const model = buildModel((b) =>
      b.output(b.node('Resize', [b.input('x', [1, 2, 4, 4]), undefined, b.constant('s', [1, 1, 2, 2])], { mode: 'cubic' })),
    )
    expect(whyNoProgram(model)).toContain('resizes in a way that it has no kernel for')
  })
})

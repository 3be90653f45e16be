import { type Model, Tensor, createRandom } from '@whittle/ir'
import { buildModel, randomInputs, runModel } from '@whittle/testing'
import { expect, test } from 'vitest'
import { correctBiases } from '../src/full-correction.ts'
import { quantizeTensor } from '../src/weights.ts'
import { context, datasetOf, valueOf } from './harness.ts'

/** Two convolutions side by side, one behind them, a transposed one and a Gemm. */
const model = buildModel((b) => {
  const x = b.input('x', [1, 3, 8, 8])
  const side = ['a', 'b'].map((name) =>
    b.node('Relu', [b.node('Conv', [x, b.weight(`${name}_w`, [5, 3, 3, 3])], { pads: [1, 1, 1, 1] }, { outputs: [name] })]),
  )
  const sum = b.node('Add', [side[0]!, side[1]!])
  const c = b.node('Relu', [b.node('Conv', [sum, b.weight('c_w', [6, 5, 1, 1]), b.weight('c_b', [6])], {}, { outputs: ['c'] })])
  const d = b.node('ConvTranspose', [c, b.weight('d_w', [6, 4, 2, 2])], { strides: [2, 2] }, { outputs: ['d'] })
  const flat = b.node('Flatten', [b.node('GlobalAveragePool', [d])])
  b.output(b.node('Gemm', [flat, b.weight('e_w', [4, 3])], {}, { outputs: ['e'] }))
})
const samples = Array.from({ length: 6 }, (_, at) => randomInputs(model, createRandom(`sample/${at}`)))
const names = ['a', 'b', 'c', 'd', 'e']

function rounded(): Model {
  const copy = model.clone()
  for (const name of names) {
    const value = valueOf(copy, `${name}_w`)
    const { data, quantization } = quantizeTensor(value.tensor!.toFloat32(), value.tensor!.dims, {
      bits: 3,
      range: 'minmax',
      axis: name === 'd' || name === 'e' ? 1 : 0,
    })
    value.graph.setTensor(value, Tensor.float32(value.tensor!.dims, data))
    value.quantization = quantization
  }
  return copy
}

/** By running every sample and averaging here. */
async function meansOf(of: Model): Promise<Record<string, number[]>> {
  const probe = of.clone()
  for (const name of names.slice(0, 4)) probe.graph.addOutput(valueOf(probe, name))
  const sums: Record<string, number[]> = {}
  for (const inputs of samples) {
    const outputs = await runModel(probe, inputs)
    for (const name of names) {
      const tensor = outputs[name]!
      const channels = tensor.dims[1]!
      const inner = tensor.size / channels
      tensor.toNumbers().forEach((item, at) => {
        const sum = (sums[name] ??= new Array<number>(channels).fill(0))
        sum[Math.floor(at / inner)]! += item / inner / samples.length
      })
    }
  }
  return sums
}

test('every layer has its mean of before again, those behind others too', async () => {
  const wanted = await meansOf(model)
  const copy = rounded()
  const off = await meansOf(copy)
  await correctBiases(copy, model, context({ calibration: datasetOf(samples) }), { changed: [], skipped: [] })
  const given = await meansOf(copy)
  for (const name of names) {
    const distance = (means: Record<string, number[]>): number =>
      Math.max(...wanted[name]!.map((item, at) => Math.abs(item - means[name]![at]!)))
    expect(distance(off)).toBeGreaterThan(1e-3)
    expect(distance(given)).toBeLessThan(1e-5)
  }
})

test('a model without a rounded kernel is left alone, and not run', async () => {
  const report = { changed: [], skipped: [] }
  const copy = model.clone()
  await correctBiases(copy, model, context({ engine: undefined }), report)
  expect(report.changed).toEqual([])
})

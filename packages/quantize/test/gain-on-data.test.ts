import { Tensor, weightsOf } from '@whittle/ir'
import { collectGrams } from '@whittle/statistics'
import { buildModel } from '@whittle/testing'
import { expect, test } from 'vitest'
import { gainOnData, roundOnData } from '../src/rounding.ts'
import { quantizeTensor } from '../src/weights.ts'
import { context, samplesOf } from './harness.ts'

const model = buildModel((b) => {
  const x = b.node('Relu', [b.node('MatMul', [b.input('x', ['N', 6]), b.weight('spread', [6, 12])])])
  b.output(b.node('Gemm', [x, b.weight('w', [12, 8]), b.weight('bias', [8])]), 'y')
})

test('is the share of the error that GPTQ leaves of that of the nearest, at the outputs of the layer', async () => {
  const calibration = samplesOf(model, 64)
  const weight = weightsOf(model).find(({ value }) => value.name === 'w')!
  const bits = 7
  const nearest = quantizeTensor(weight.tensor.toFloat32(), weight.tensor.dims, { bits, range: 'minmax', axis: 1 }).data
  const grams = await collectGrams(model, [weight.node], context({ calibration }))
  const gain = gainOnData(weight, grams.get(weight.node)!, Tensor.float32(weight.tensor.dims, nearest), bits)

  // The same by hand: inputs of the Gemm for every sample, products in full.
  const probe = model.clone()
  probe.graph.setOutputs([probe.graph.nodes.find(({ type }) => type === 'Relu')!.output])
  const session = await context().engine!.open(probe)
  const inputs: number[][] = []
  for await (const sample of calibration.samples()) {
    const hidden = Object.values(await session.run(sample.inputs))[0]!
    for (let at = 0; at < hidden.size; at += 12) inputs.push([...hidden.toFloat32().subarray(at, at + 12)])
  }
  await session.dispose()
  const after = model.clone()
  const own = weightsOf(after).find(({ value }) => value.name === 'w')!
  await roundOnData([own], new Map([[own.node, grams.get(weight.node)!]]), new Map([[own.value, bits]]), 'gptq', context({ calibration }))
  const original = weight.tensor.toFloat32()
  const errorOf = (kernel: Float32Array, bias: Float32Array): number => {
    const before = weightsOf(model)
      .find(({ value }) => value.name === 'bias')!
      .tensor.toFloat32()
    let sum = 0
    for (const row of inputs)
      for (let output = 0; output < 8; output++)
        sum +=
          row.reduce(
            (part, item, at) => part + item * (kernel[at * 8 + output]! - original[at * 8 + output]!),
            bias[output]! - before[output]!,
          ) ** 2
    return sum
  }
  const before = weightsOf(model)
    .find(({ value }) => value.name === 'bias')!
    .tensor.toFloat32()
  const share = errorOf(own.value.tensor!.toFloat32(), own.node.inputs[2]!.tensor!.toFloat32()) / errorOf(nearest, before)
  expect(gain).toBeGreaterThan(0)
  expect(gain).toBeLessThan(1)
  // The estimate leaves out the descent that pays for bits with error.
  expect(share / gain).toBeGreaterThan(0.5)
  expect(share / gain).toBeLessThan(2)
})

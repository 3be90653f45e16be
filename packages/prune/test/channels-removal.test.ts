import { Tensor, compress, createRandom, silentLogger } from '@whittle/ir'
import { readOnnxFile } from '@whittle/ir/onnx'
import { simplify } from '@whittle/simplify'
import { type RemovalOptions, fixture, models, randomStructure } from '@whittle/testing'
import { readTfjsFile } from '@whittle/tfjs'
import { readTfliteFile } from '@whittle/tflite'
import { describe, expect, test } from 'vitest'
import { expectRemoval } from './removal.ts'

describe('a model without some channels gives what it gives with them masked to zero', () => {
  test('200 random networks', async () => {
    let removed = 0
    for (let index = 0; index < 200; index++) removed += await expectRemoval(randomStructure(`structure ${index}`), `removal ${index}`)
    expect(removed).toBeGreaterThan(2000)
  }, 120_000)

  test.each(Object.entries(models))('%s', async (name, make) => {
    await expectRemoval(make(), name)
  })

  // How many components there are at least in each, so that what is tied in vain is seen.
  test.each([
    ['direction', 1300, {}],
    ['detector', 3700, { dims: { 'p2o.DynamicDimension.0': 1, 'p2o.DynamicDimension.1': 64, 'p2o.DynamicDimension.2': 64 } }],
    ['recogniser', 4900, { dims: { 'p2o.DynamicDimension.0': 1, 'p2o.DynamicDimension.1': 64 } }],
    ['voice', 700, { dims: { input_dim0: 1, input_dim1: 576, state_dim1: 1 }, given: { sr: Tensor.int64([], [16000]) } }],
    ['upscaler', 300, {}],
    ['pitch', 70, {}],
    ['faces', 260, {}],
    ['blazeface', 24, {}],
  ] as const)(
    '%s',
    async (name, least, options: RemovalOptions) => {
      const file = fixture(name)
      const read = file.endsWith('.json') ? readTfjsFile(file) : file.endsWith('.tflite') ? readTfliteFile(file) : readOnnxFile(file)
      const { model } = await compress(read.model, [simplify()], { logger: silentLogger, random: createRandom(name) })
      // On noise the detector's last sigmoid gives numbers too small to be compared.
      const { graph } = model
      graph.setOutputs(graph.outputs.map((value) => (value.producer?.type === 'Sigmoid' ? value.producer.inputs[0]! : value)))
      expect(await expectRemoval(model, name, { tolerance: 1e-3, ...options })).toBeGreaterThan(least / 4)
    },
    60_000,
  )
})

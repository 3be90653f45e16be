import { type Model, compress } from '@whittle/ir'
import { quantize } from '@whittle/quantize'
import { buildModel, models } from '@whittle/testing'
import { expect, test } from 'vitest'
import { context, valueOf } from './harness.ts'

const run = async (model: Model) => {
  const { model: after, reports } = await compress(
    model,
    [quantize({ activations: 'dynamic', minSize: 0 })],
    context({ engine: undefined }),
  )
  return { model: after, report: reports[0]! }
}

test('inputs of products with constants are marked without data or an engine, once each', async () => {
  const model = buildModel((b) => {
    const x = b.input('x', [6, 6])
    const [first, second] = ['v', 'w'].map((name) => b.node('MatMul', [x, b.weight(name, [6, 6])], {}, { outputs: [`of_${name}`] }))
    b.output(b.node('MatMul', [first, second]), 'y')
  })
  const { model: after, report } = await run(model)
  expect(valueOf(after, 'x').quantization).toEqual({ kind: 'dynamic' })
  expect(['of_v', 'of_w', 'y'].map((name) => valueOf(after, name).quantization)).toEqual([undefined, undefined, undefined])
  expect(report.changed.filter(({ what }) => what.startsWith('activation'))).toEqual([
    { at: 'x', what: 'activation of 8 bits, on its range at each run' },
  ])
  expect((await run(after)).report.changed).toEqual([])
})

test('inside subgraphs too', async () => {
  const { model } = await run(models.branches())
  const inner = [...model.nodes()].filter((node) => node.type === 'Conv' && node.graph !== model.graph)
  expect(inner.length).toBeGreaterThan(0)
  for (const node of inner) expect(node.inputs[0]!.quantization).toEqual({ kind: 'dynamic' })
})

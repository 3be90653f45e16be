import { wasmEngine } from '@whittle/engine'
import { differenceOf } from '@whittle/testing'
import { expect, it } from 'vitest'
import { gradients } from '../src/index.ts'
import { cases } from './cases.ts'
import { modelOf, open, withLoss } from './harness.ts'

/** The last case of each rule, which is seldom the plainest. */
const some = [...new Map(cases.map((test) => [test.rule, test])).values()]

it.each(some)('onnxruntime-web runs the gradient of $rule', async (test) => {
  const { model, inputs } = modelOf(test, !test.fixedOnly)
  const forward = await open(model)
  const { model: lossy } = withLoss(model, await forward.run(inputs))
  await forward.dispose()
  const { model: backward } = gradients(lossy, { loss: 'loss', wrt: Object.keys(inputs) })
  const [native, web] = [await open(backward), await wasmEngine().open(backward)]
  const [expected, given] = [await native.run(inputs), await web.run(inputs)]
  await Promise.all([native.dispose(), web.dispose()])
  for (const [name, tensor] of Object.entries(expected)) expect(differenceOf(tensor, given[name]!), name).toBeLessThan(1e-5)
})

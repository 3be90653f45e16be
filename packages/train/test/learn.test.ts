import { compress } from '@whittle/ir'
import { quantize } from '@whittle/quantize'
import { expect, it, vi } from 'vitest'
import { finetune } from '../src/index.ts'
import { inFourBits } from './example.ts'
import { contextOf, divergenceOf, lines, network } from './toy.ts'

it('the example of the README gives a model that is nearer to the original than rounding alone', async () => {
  const [learned, unseen] = [lines(240, 'learned'), lines(150, 'unseen')]
  const context = contextOf(learned)
  const { model } = await compress(network(), [finetune({ steps: 150, learningRate: 0.02, batch: 24 })], context)
  const { model: rounded } = await compress(model, [quantize({ bits: 4 })], context)
  const said = vi.spyOn(console, 'log').mockImplementation(() => {})
  const trained = await inFourBits(model, lines(240, 'learned', false))
  expect(said.mock.calls.flat().join(' ')).toContain('weights learned in 100 steps')
  said.mockRestore()
  expect(await divergenceOf(trained, model, unseen)).toBeLessThan(await divergenceOf(rounded, model, unseen))
})

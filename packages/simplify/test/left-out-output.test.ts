import type { Model } from '@whittle/ir'
import { buildModel } from '@whittle/testing'
import { SIMPLIFY_RULES } from '@whittle/simplify'
import { expect, test } from 'vitest'
import { applyRule } from './harness.ts'

/** A GRU that gives its last state alone. */
function lastState(): Model {
  return buildModel((b) => {
    const x = b.input('x', [5, 1, 2])
    const { graph } = x
    const inputs = [x, b.weight('w', [1, 9, 2]), b.weight('r', [1, 9, 3])]
    const gru = graph.addNode({ op: 'GRU', inputs, outputs: ['', 'y'], attributes: { hidden_size: 3 } })
    gru.outputs[1]!.elementType = 'float32'
    graph.addOutput(gru.outputs[1]!)
  })
}

test.each(SIMPLIFY_RULES.map(({ name }) => name))('%s takes a node that leaves its first output out', async (name) => {
  expect((await applyRule(name, lastState())).ops).toContain('GRU')
})

import type { AttributeLike } from '@whittle/ir'
import type { Case, Numbers } from './harness.ts'

type Attributes = Record<string, AttributeLike>

/** A convolution: its input, its kernel, and where asked for its bias. */
function conv(rule: string, x: number[], kernel: number[], attributes: Attributes, bias = false): Case {
  const group = (attributes.group as number | undefined) ?? 1
  const outputs = rule === 'Conv' ? kernel[0]! : kernel[1]! * group
  return {
    rule,
    name: `${rule} [${x}] [${kernel}] ${JSON.stringify(attributes)}`,
    build: (given) =>
      given.b.node(rule, [given.x('x', x), given.w('kernel', kernel), ...(bias ? [given.w('bias', [outputs])] : [])], attributes),
  }
}

function pool(rule: string, x: number[], attributes: Attributes, numbers: Numbers = 'normal', fixedOnly?: string): Case {
  const name = `${rule} [${x}] ${JSON.stringify(attributes)}`
  const build: Case['build'] = (given) => given.b.node(rule, [given.x('x', x, numbers)], attributes)
  return { rule, name, build, ...(fixedOnly ? { fixedOnly } : {}) }
}

export const windowCases: Case[] = [
  conv('Conv', [2, 2, 5], [3, 2, 3], {}, true),
  conv('Conv', [1, 2, 7], [2, 2, 3], { strides: [2], dilations: [2], pads: [1, 2] }),
  conv('Conv', [2, 2, 3, 3], [3, 2, 1, 1], {}, true),
  conv('Conv', [1, 2, 5, 5], [2, 2, 1, 1], { strides: [2, 2] }),
  conv('Conv', [2, 2, 4, 5], [3, 2, 3, 3], { pads: [1, 1, 1, 1] }, true),
  conv('Conv', [1, 2, 6, 5], [2, 2, 3, 2], { strides: [2, 3], pads: [1, 0, 0, 1] }),
  conv('Conv', [1, 1, 8, 7], [1, 1, 2, 2], { strides: [3, 3] }),
  conv('Conv', [2, 4, 4, 4], [6, 2, 2, 2], { group: 2 }, true),
  conv('Conv', [2, 3, 5, 4], [3, 1, 3, 3], { group: 3, strides: [2, 2], pads: [1, 1, 1, 1] }, true),
  conv('Conv', [1, 2, 4, 3], [4, 1, 2, 2], { group: 2, dilations: [2, 1] }),
  conv('Conv', [1, 2, 5, 4], [2, 2, 3, 2], { auto_pad: 'SAME_UPPER' }),
  conv('Conv', [1, 2, 5, 4], [2, 2, 2, 2], { auto_pad: 'SAME_LOWER' }),
  { ...conv('Conv', [1, 1, 5, 6], [2, 1, 3, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }), fixedOnly: 'pads come from the size' },
  conv('Conv', [1, 1, 4, 4], [2, 1, 3, 3], { auto_pad: 'VALID' }),
  conv('Conv', [1, 2, 3, 4, 3], [2, 2, 2, 3, 2], { pads: [0, 1, 0, 1, 1, 0], strides: [1, 2, 1] }, true),
  conv('Conv', [2, 2, 7, 6], [3, 2, 6, 5], { pads: [1, 1, 1, 1] }),
  conv('Conv', [1, 1, 14, 15], [2, 1, 6, 5], { strides: [3, 2], dilations: [2, 1], pads: [0, 1, 2, 1] }),
  conv('Conv', [2, 4, 4, 5], [4, 2, 1, 1], { group: 2 }),
  conv('Conv', [2, 3, 5, 4], [3, 1, 3, 2], { group: 3, pads: [1, 0, 2, 1] }, true),
  conv('Conv', [1, 2, 5, 6], [2, 1, 2, 3], { group: 2, dilations: [2, 1], pads: [2, 1, 0, 2] }),
  conv('Conv', [2, 5, 4, 3], [2, 5, 3, 2], { pads: [1, 0, 1, 1] }, true),
  conv('ConvTranspose', [2, 2, 4], [2, 3, 3], { strides: [2] }, true),
  conv('ConvTranspose', [1, 2, 3, 3], [2, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] }, true),
  conv('ConvTranspose', [1, 2, 3, 2], [2, 3, 2, 2], { dilations: [2, 1] }),
  conv('ConvTranspose', [1, 4, 3, 2], [4, 1, 3, 2], { group: 2, strides: [2, 1], pads: [0, 1, 1, 0] }, true),
  conv('ConvTranspose', [1, 2, 2, 3], [2, 2, 1, 1], {}),
  pool('AveragePool', [1, 2, 4, 5], { kernel_shape: [2, 2], strides: [2, 2] }),
  pool('AveragePool', [2, 2, 5], { kernel_shape: [3], pads: [1, 1] }),
  pool('AveragePool', [1, 2, 5, 4], { kernel_shape: [3, 2], pads: [1, 1, 1, 0], strides: [2, 1], count_include_pad: 1 }),
  pool('AveragePool', [1, 2, 4, 4], { kernel_shape: [3, 3], auto_pad: 'SAME_UPPER' }),
  pool('AveragePool', [1, 2, 5, 4], { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }, 'normal', 'ceil_mode'),
  pool('AveragePool', [1, 1, 3, 3, 3], { kernel_shape: [2, 2, 2] }),
  pool('MaxPool', [2, 2, 4, 4], { kernel_shape: [2, 2], strides: [2, 2] }, 'distinct'),
  pool('MaxPool', [2, 1, 3, 6], { kernel_shape: [3, 3], strides: [3, 3] }, 'distinct'),
  pool('MaxPool', [1, 2, 5, 4], { kernel_shape: [3, 3], strides: [2, 1], pads: [1, 1, 1, 1] }, 'distinct'),
  pool('MaxPool', [1, 2, 7], { kernel_shape: [2], strides: [2], ceil_mode: 1 }, 'distinct'),
  pool('MaxPool', [1, 1, 5, 5], { kernel_shape: [2, 2], dilations: [2, 2], storage_order: 1 }, 'distinct'),
  pool('MaxPool', [1, 1, 3, 3, 3], { kernel_shape: [2, 2, 2] }, 'distinct'),
  pool('GlobalAveragePool', [2, 3, 2, 2], {}),
  pool('GlobalMaxPool', [2, 3, 2, 2], {}, 'distinct'),
  pool('GlobalLpPool', [2, 3, 2, 2], {}),
]

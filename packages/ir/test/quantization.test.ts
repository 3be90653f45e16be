import { type Quantization, type ScaleGrid, Tensor, createRandom, printModel, problemsOf, scaleDims, scaleIndices } from '@whittle/ir'
import { buildModel } from '@whittle/testing'
import { describe, expect, test } from 'vitest'

/** Element by element, from its coordinates. */
function indexOf(element: number, dims: readonly number[], { axis, block }: ScaleGrid): number {
  const counts = scaleDims(dims, { axis, block })
  let [rest, stride, index] = [element, 1, 0]
  for (let at = dims.length - 1; at >= 0; at--) {
    const coordinate = rest % dims[at]!
    rest = Math.floor(rest / dims[at]!)
    if (at === axis) index += coordinate * stride
    else if (at === block?.axis) index += Math.floor(coordinate / block.size) * stride
    stride *= counts[at]!
  }
  return index
}

describe('the scale of an element', () => {
  test('is that of its place along the axis and of its block', () => {
    const random = createRandom('scales')
    for (let round = 0; round < 200; round++) {
      const dims = Array.from({ length: 1 + random.integer(4) }, () => 1 + random.integer(6))
      const axis = random.integer(dims.length)
      const block = { axis: random.integer(dims.length), size: 1 + random.integer(7) }
      for (const grid of [{}, { axis }, ...(block.axis === axis ? [] : [{ axis, block }, { block }])]) {
        const indices = scaleIndices(dims, grid)
        const counts = scaleDims(dims, grid).reduce((a, b) => a * b, 1)
        indices.forEach((index, element) => expect(index).toBe(indexOf(element, dims, grid)))
        expect(new Set(indices).size).toBe(counts)
      }
    }
  })

  test('of a scalar is the only one', () => expect([...scaleIndices([], {})]).toEqual([0]))
})

const scales = (count: number): Float32Array => new Float32Array(count).fill(0.5)
const blocks = { kind: 'integer', bits: 4, signed: false, axis: 1, block: { axis: 0, size: 3 } } as const
const codebook = { kind: 'codebook', bits: 2, levels: Float32Array.of(-1, 0, 1), axis: 1 } as const

const annotated = (quantization: Quantization): ReturnType<typeof buildModel> =>
  buildModel((b) => {
    const weight = b.constant('w', Tensor.float32([4, 2], new Float32Array(8)))
    weight.quantization = quantization
    b.output(b.node('MatMul', [b.input('x', [1, 4]), weight]))
  })

test.each<[string, Quantization, string | undefined]>([
  ['two blocks a channel', { ...blocks, scale: scales(4), zeroPoint: Float32Array.of(1.5, 2, 3, 4) }, undefined],
  ['one block short', { ...blocks, scale: scales(3), zeroPoint: new Int32Array(3) }, '3 scales for an axis of 2 and blocks of 3 in 4'],
  [
    'blocks along the axis of the channels',
    { ...blocks, block: { axis: 1, size: 2 }, scale: scales(2), zeroPoint: new Int32Array(2) },
    'blocks of 2 along axis 1, which cannot be',
  ],
  ['a codebook', { ...codebook, scale: scales(2) }, undefined],
  ['a codebook with too few scales', { ...codebook, scale: scales(1) }, '1 scales for an axis of 2'],
  ['more levels than its bits count', { ...codebook, levels: Float32Array.of(1, 2, 3, 4, 5), scale: scales(2) }, '5 levels for 2 bits'],
  ['levels in disorder', { ...codebook, levels: Float32Array.of(1, 0), scale: scales(2) }, 'levels that are not finite and ascending'],
])('the validator judges %s', (_, quantization, problem) => {
  const problems = problemsOf(annotated(quantization))
  if (problem === undefined) expect(problems).toEqual([])
  else expect(problems[0]).toContain(`'w' has ${problem}`)
})

test('blocks and codebooks are printed', () => {
  expect(printModel(annotated({ ...blocks, scale: scales(4), zeroPoint: Float32Array.of(1.5, 2, 3, 4) }))).toContain(
    '@uint4(scale=[0.5,0.5,0.5,0.5], zero=[1.5,2,3,4], axis=1, block=3 of axis 0)',
  )
  expect(printModel(annotated({ ...codebook, scale: scales(2) }))).toContain('@codebook2(levels=[-1,0,1], scale=[0.5,0.5], axis=1)')
})

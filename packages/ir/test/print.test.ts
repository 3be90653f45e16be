import { Tensor, printModel } from '@whittle/ir'
import { buildModel, models } from '@whittle/testing'
import { expect, test } from 'vitest'

test('nodes, constants, attributes and annotations are one line each', () => {
  const model = buildModel((b) => {
    const x = b.input('x', ['N', 2])
    const weight = b.constant('w', Tensor.float32([2, 2], [1, -0.5, 0, 1e-3]))
    weight.quantization = {
      kind: 'integer',
      bits: 8,
      signed: true,
      scale: Float32Array.of(0.5, 0.25),
      zeroPoint: new Int32Array(2),
      axis: 0,
    }
    const product = b.node('MatMul', [x, weight], {}, { name: 'first', outputs: ['h'] })
    const picked = b.node('Clip', [product, undefined, b.constant('six', 6)], { note: 'a "b"', list: [1, 2], one: 0.1 }, { outputs: ['y'] })
    b.output(picked)
  })
  expect(printModel(model)).toBe(`ai.onnx:21
graph main(%x: float32[N,2]) {
  %w: float32[2,2] @int8(scale=[0.5,0.25], zero=[0,0], axis=0) = [1,-0.5,0,0.001]
  %six: float32[] = 6
  %h: float32[N,2] = MatMul(%x, %w) # first
  %y: float32[N,2] = Clip(%h, _, %six) {note="a \\"b\\"", list=[1,2], one=0.1}
  return %y
}
`)
})

test('subgraphs are indented below their node', () => {
  const lines = printModel(models.branches()).split('\n')
  const at = lines.findIndex((line) => line.includes(' = If('))
  expect(lines[at]).toMatch(/^ {2}%y: float32\[N,4,6,6\] = If\(%greater_out\) \{then_branch=graph then_branch\(\) \{$/)
  expect(lines[at + 1]).toMatch(/^ {4}%yes_w: float32\[4,4,1,1\] = <[0-9a-f]{16}>$/)
})

test('large constants are told apart by a digest; 64-bit integers are exact', () => {
  const withValue = (value: number): string =>
    printModel(
      buildModel(
        (b) => void b.output(b.node('Add', [b.input('x', [99]), b.constant('c', Tensor.float32([99], new Float32Array(99).fill(value)))])),
      ),
    )
  expect(withValue(1)).toBe(withValue(1))
  expect(withValue(1)).not.toBe(withValue(2))
  const large = buildModel((b) => void b.output(b.constantNode('c', Tensor.of('int64', [1], BigInt64Array.of(9007199254740993n)))))
  expect(printModel(large)).toContain('{value=int64[1] [9007199254740993]}')
})

test('the number of elements that are shown is an option', () => {
  expect(printModel(models.mlp(), { values: 0 })).toMatch(/%gemm_b: float32\[16\] = </)
  expect(printModel(models.mlp(), { values: 16 })).toMatch(/%gemm_b: float32\[16\] = \[/)
})

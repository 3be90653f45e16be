import { MANIFEST_FORMAT, type Manifest, PARTS_FORMAT, TARGETS } from '@whittle/targets'
import { expect, expectTypeOf, test } from 'vitest'

test('the version of the form is 1, and 2 where files are in parts, which loaders in the field compare with', () => {
  expect(MANIFEST_FORMAT).toBe(1)
  expect(PARTS_FORMAT).toBe(2)
})

test("a manifest's variants carry what a target says of itself", () => {
  const manifest: Manifest = {
    format: MANIFEST_FORMAT,
    name: 'net',
    query: 'int8',
    source: { file: 'net.onnx', bytes: 10, brotli: 9 },
    inputs: [{ name: 'x', elementType: 'float32', dims: ['N', 3] }],
    outputs: [],
    variants: TARGETS.map(({ name, provider, deviceType, probes, rank }) => ({
      id: `int8-${name}`,
      target: name,
      provider,
      deviceType,
      probes,
      rank,
      format: 'int8',
      files: [],
    })),
  }
  expect(JSON.parse(JSON.stringify(manifest)).variants).toHaveLength(TARGETS.length)
  expectTypeOf(manifest.variants[0]!.provider).toEqualTypeOf<'wasm' | 'webgpu' | 'webnn' | 'tfjs'>()
})

import { createHash } from 'node:crypto'
import { type CompileResult, type Manifest, divideFiles, partsOf } from '@whittle/compiler'
import { describe, expect, test } from 'vitest'

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const artefact = (name: string, length: number) => {
  const bytes = Uint8Array.from({ length }, (_, at) => (at * 7 + length) % 251)
  return { name, bytes, sha256: sha(bytes) }
}

function resultOf(artefacts: ReturnType<typeof artefact>[]): CompileResult {
  const variants = artefacts.map(({ name, bytes, sha256 }, at) => ({
    ...({ id: `v${at}`, target: 'wasm', provider: 'wasm', probes: ['wasm'], rank: at, format: 'fp32' } as const),
    files: [{ path: name, bytes: bytes.length, brotli: 9, sha256 }],
  }))
  const manifest: Manifest = {
    ...{ format: 1, name: 'net', query: '', source: { file: 'net.onnx', bytes: 1, brotli: 1 }, inputs: [], outputs: [] },
    variants: [...variants, { ...variants[0]!, id: 'same' }],
  }
  return {
    manifest,
    artefacts,
    report: { source: manifest.source, variants: [], dropped: [], warnings: [] },
    kernels: {},
    watch: [],
    cached: false,
    seconds: 1,
  }
}

describe('partsOf', () => {
  test.each([
    [1024, 1024, 1],
    [1025, 1024, 2],
    [2048, 1024, 2],
    [2049, 1024, 3],
    [10_000, 1024.9, 10],
    [10_000, Infinity, 1],
    [0, 1024, 1],
  ])('of %s bytes for a limit of %s are %s, none above the limit, and together the file', (length, maxFile, count) => {
    const file = artefact('net.int8-wasm.onnx', length)
    const parts = partsOf(file, maxFile)
    expect(parts).toHaveLength(count)
    expect(Buffer.concat(parts.map(({ bytes }) => bytes)).equals(file.bytes)).toBe(true)
    for (const { bytes, sha256 } of parts) {
      expect(bytes.length).toBeLessThanOrEqual(maxFile)
      expect(sha256).toBe(sha(bytes))
    }
    expect(parts.map(({ name }) => name)).toEqual(
      count === 1 ? [file.name] : Array.from({ length: count }, (_, at) => `net.int8-wasm.part${at + 1}.onnx`),
    )
  })

  test.each([1023, 0, -1, NaN])('a limit of %s is refused', (maxFile) => {
    expect(() => partsOf(artefact('net.onnx', 10), maxFile)).toThrow(
      expect.objectContaining({ code: 'MAX_FILE', message: `maxFile: expected at least 1024 bytes, received ${maxFile}` }),
    )
  })
})

describe('divideFiles', () => {
  test('lists the parts of large files in a manifest of format 2, and leaves small files as they are', () => {
    const [large, small] = [artefact('net.fp32.onnx', 2500), artefact('net.int8.onnx', 900)]
    const result = resultOf([large, small])
    const { manifest, artefacts } = divideFiles(result, 1024)
    expect(manifest.format).toBe(2)
    expect(artefacts.map(({ name }) => name)).toEqual(['net.fp32.part1.onnx', 'net.fp32.part2.onnx', 'net.fp32.part3.onnx', small.name])
    const [divided, whole, same] = manifest.variants.map(({ files }) => files[0]!)
    expect(whole).toEqual(result.manifest.variants[1]!.files[0])
    expect(divided).toEqual({
      ...result.manifest.variants[0]!.files[0],
      parts: artefacts.slice(0, 3).map(({ name, bytes, sha256 }) => ({ path: name, bytes: bytes.length, sha256 })),
    })
    expect(same).toEqual(divided)
    expect(result.manifest.format).toBe(1)
  })

  test('gives the result itself where nothing is above the limit', () => {
    const result = resultOf([artefact('net.onnx', 1024)])
    expect(divideFiles(result, 1024)).toBe(result)
  })
})

import { brotliCompressSync, deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createDecoder, decodeWeights } from '../src/decode.ts'
import { encodeWeights, sectionsOf, type StoredTensor } from '../src/encode.ts'
import { affineCase, paletteCase, plainCase, randomOf, type Case } from './random-tensors.ts'

const HOSTS = [
  { host: 'none' },
  { host: 'brotli' },
  { host: 'gzip', measure: (bytes: Uint8Array) => deflateRawSync(bytes).length },
  // As if the host packed plain bytes best, or worst: every layout is taken somewhere.
  { host: 'brotli', measure: () => 0 },
  { host: 'brotli', measure: (bytes: Uint8Array) => 9 * bytes.length },
] as const

function check(cases: readonly Case[], file: Uint8Array): void {
  const { tensors } = decodeWeights(file)
  expect([...tensors.keys()]).toEqual(cases.map(({ tensor }) => tensor.name))
  for (const { tensor, expected } of cases) {
    const { type, dims, bytes } = tensors.get(tensor.name)!
    expect({ type, dims }).toEqual({ type: tensor.type, dims: tensor.dims })
    if (Buffer.compare(bytes, expected) !== 0) expect([...bytes], tensor.name).toEqual([...expected])
  }
}

describe.each(HOSTS)('for %o', (options) => {
  it.each([
    ['plain elements', plainCase],
    ['affine integers', affineCase],
    ['palettes', paletteCase],
  ])('%s come back bit for bit', (_, make) => {
    const random = randomOf(7)
    for (let file = 0; file < 6; file++) {
      const cases = Array.from({ length: 12 }, (_, index) => make(`t${index}`, random))
      check(cases, encodeWeights(cases.map(({ tensor }) => tensor), options)) // prettier-ignore
    }
  })
})

const plain = (name: string, bytes: Uint8Array): StoredTensor => ({
  name,
  type: 'float32',
  dims: [bytes.length / 4],
  values: { kind: 'plain', bytes },
})

it('the program comes back as it was', () => {
  const program = { steps: [{ op: 'Conv', at: [1, 2.5, null, true] }], name: 'Größe ' }
  expect(decodeWeights(encodeWeights([], { program })).program).toEqual(program)
  expect(decodeWeights(encodeWeights([])).program).toBeNull()
})

it('the same input gives the same bytes', () => {
  const make = (): Uint8Array => {
    const random = randomOf(3)
    return encodeWeights(Array.from({ length: 8 }, (_, index) => affineCase(`t${index}`, random).tensor))
  }
  expect(make()).toEqual(make())
})

it('a tensor that equals another is stored once', () => {
  const random = randomOf(1)
  const bytes = Uint8Array.from({ length: 4000 }, () => random() * 256)
  const once = encodeWeights([plain('a', bytes)], { host: 'none' }).length
  const file = encodeWeights([plain('a', bytes), plain('b', bytes.slice())], { host: 'none' })
  expect(file.length).toBeLessThan(once + 40)
  check(['a', 'b'].map((name) => ({ tensor: plain(name, bytes), expected: bytes })), file) // prettier-ignore
})

it('half zeros among floats cost a bit each', () => {
  const random = randomOf(1)
  const bytes = new Uint8Array(Float32Array.from({ length: 4000 }, (_, i) => (i % 2 ? random() : 0)).buffer)
  expect(encodeWeights([plain('a', bytes)], { host: 'none' }).length).toBeLessThan(2000 * 4 + 500 + 100)
})

it('channels of different spread are coded by different tables', () => {
  const random = randomOf(1)
  const integers = Int8Array.from({ length: 64 * 400 }, (_, i) =>
    Math.round((random() + random() - 1) * 7 * 2 ** -(Math.floor(i / 400) % 4)),
  )
  const counts = new Map<number, number>()
  for (const item of integers) counts.set(item, (counts.get(item) ?? 0) + 1)
  const entropy = [...counts.values()].reduce((sum, count) => sum - (count * Math.log2(count / integers.length)) / 8, 0)
  const values = { kind: 'affine', integers, bits: 4, scales: Float32Array.of(1) } as const
  expect(encodeWeights([{ name: 'a', type: 'float32', dims: [64, 400], values }]).length).toBeLessThan(0.93 * entropy)
})

it('float16 is rounded half to even, and holds what is too small and too large for it', () => {
  const palette = Float32Array.of(
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    65519,
    65520,
    -(2 ** -24),
    2 ** -25,
    3 * 2 ** -25,
    -Infinity,
    NaN,
    2 ** -14 - 2 ** -26,
    -0,
    0.1,
  )
  const indices = Uint8Array.from(palette, (_, index) => index)
  const file = encodeWeights([{ name: 'a', type: 'float16', dims: [12], values: { kind: 'palette', indices, palette } }])
  const { bytes } = decodeWeights(file).tensors.get('a')!
  expect([...new Uint16Array(bytes.buffer)]).toEqual([0x3c00, 0x3c02, 0x7bff, 0x7c00, 0x8001, 0, 2, 0xfc00, 0x7e00, 0x0400, 0x8000, 0x2e66])
})

describe('a difference', () => {
  const random = randomOf(9)
  const bytes = new Uint8Array(Float32Array.from({ length: 500 }, () => random()).buffer)
  const base = { name: 'old', bytes }
  const given = { base: new Map([['old', { bytes }]]) }

  it('of plain elements gives them back bit for bit, in fewer bytes', () => {
    const now = bytes.slice()
    now[40] = 7
    const tensor: StoredTensor = {
      name: 'new',
      type: 'float32',
      dims: [500],
      values: { kind: 'difference', base, values: { kind: 'plain', bytes: now } },
    }
    const file = encodeWeights([tensor], { host: 'none' })
    expect(file.length).toBeLessThan(200)
    expect(decodeWeights(file, given).tensors.get('new')!.bytes).toEqual(now)
  })

  it('of integers is added in float32', () => {
    const integers = Int8Array.from({ length: 500 }, (_, index) => (index % 5) - 2)
    const values = { kind: 'affine', integers, bits: 3, scales: Float32Array.of(0.013) } as const
    const file = encodeWeights([{ name: 'new', type: 'float32', dims: [500], values: { kind: 'difference', base, values } }])
    const scale = Math.fround(0.013)
    const expected = new Float32Array(bytes.buffer).map((value, index) => value + Math.fround(integers[index]! * scale))
    expect(new Float32Array(decodeWeights(file, given).tensors.get('new')!.bytes.buffer)).toEqual(expected)
    expect(() => decodeWeights(file)).toThrow(
      expect.objectContaining({ code: 'WEIGHT_FILE_BASE', message: expect.stringContaining('"old"') }),
    )
  })
})

it('a difference of palettes that are larger than the tensor is added in float32', () => {
  const random = randomOf(11)
  const old = Float32Array.from({ length: 12 }, () => random())
  const palette = Float32Array.from({ length: 3 * 256 }, () => random() - 0.5)
  const indices = Uint8Array.from({ length: 12 }, () => random() * 256)
  const base = { name: 'old', bytes: new Uint8Array(old.buffer) }
  const values = { kind: 'difference', base, values: { kind: 'palette', indices, palette, axis: 0 } } as const
  const file = encodeWeights([{ name: 'new', type: 'float32', dims: [3, 4], values }])
  const { bytes } = decodeWeights(file, { base: new Map([['old', base]]) }).tensors.get('new')!
  const expected = old.map((value, at) => value + palette[Math.floor(at / 4) * 256 + indices[at]!]!)
  expect(new Float32Array(bytes.buffer)).toEqual(expected)
})

it('a tensor of very many rows is coded like others', () => {
  const random = randomOf(6)
  const integers = Int8Array.from({ length: 2 * 150_000 }, () => Math.round((random() - 0.5) * 6))
  const values = { kind: 'affine', integers, bits: 3, scales: Float32Array.of(1) } as const
  const file = encodeWeights([{ name: 'a', type: 'float32', dims: [150_000, 2], values }])
  expect(Buffer.compare(decodeWeights(file).tensors.get('a')!.bytes, Buffer.from(Float32Array.from(integers).buffer))).toBe(0)
})

describe('a stream', () => {
  const random = randomOf(5)
  const cases = [plainCase, affineCase, paletteCase, affineCase].map((make, index) => make(`t${index}`, random))
  const file = encodeWeights(cases.map(({ tensor }) => tensor), { program: 'p' }) // prettier-ignore

  it('in pieces of any size gives each tensor with its last byte', () => {
    for (const size of [1, 3, 64, file.length]) {
      const decoder = createDecoder()
      const found: string[] = []
      for (let at = 0; at < file.length; at += size)
        for (const { name, bytes } of decoder.push(file.subarray(at, at + size))) {
          expect(Buffer.compare(bytes, cases[found.length]!.expected)).toBe(0)
          expect(name).toBe(`t${found.length}`)
          found.push(name)
          if (size === 1 && found.length === cases.length) expect(at).toBe(file.length - 5)
        }
      decoder.end()
      expect(found).toHaveLength(4)
      expect(decoder.program).toBe('p')
    }
  })

  it('decodes into memory that the caller gives, aligned or not', () => {
    for (const shift of [0, 1]) {
      const memory = new Uint8Array(10_000)
      let at = shift
      const allocate = (_name: string, length: number): Uint8Array => memory.subarray(at, (at += length))
      const decoded = decodeWeights(file, { allocate })
      for (const { tensor, expected } of cases) {
        const { bytes } = decoded.tensors.get(tensor.name)!
        expect(bytes.buffer).toBe(memory.buffer)
        expect(Buffer.compare(bytes, expected)).toBe(0)
      }
    }
  })
})

it('brotli makes no more of what is coded', () => {
  const random = randomOf(2)
  const integers = Int8Array.from({ length: 20_000 }, () => Math.round((random() + random() + random() - 1.5) * 10))
  const values = { kind: 'affine', integers, bits: 8, scales: Float32Array.of(1) } as const
  const file = encodeWeights([{ name: 'a', type: 'float32', dims: [100, 200], values }], { host: 'none' })
  expect(file.length).toBeLessThan(20_000 * 0.6)
  expect(brotliCompressSync(file).length).toBeGreaterThan(file.length * 0.97)
})

it('one array may be two tensors of different shape', () => {
  const random = randomOf(4)
  const bytes = Uint8Array.from({ length: 3000 }, (_, index) => 9 + Math.round((random() - 0.5) * (index % 17)))
  const tensors = [
    { name: 'a', type: 'int8', dims: [30, 100], values: { kind: 'plain', bytes } },
    { name: 'b', type: 'uint8', dims: [500, 6], values: { kind: 'plain', bytes } },
  ] as const
  check(
    tensors.map((tensor) => ({ tensor, expected: bytes })),
    encodeWeights(tensors, { measure: (part) => part.length }),
  )
})

it('sectionsOf tells the bits of each tensor, and its bytes, which with head and checksum are the file', () => {
  const name = (kind: string) => ({ name: kind, type: 'float32', dims: [4, 64] }) as const
  const integers = Int8Array.from({ length: 256 }, (_, index) => (index % 15) - 7)
  const tensors: StoredTensor[] = [
    { ...name('affine'), values: { kind: 'affine', integers, bits: 4, scales: Float32Array.of(1, 2, 3, 4), axis: 0 } },
    {
      ...name('palette'),
      values: { kind: 'palette', indices: Uint8Array.from(integers, (item) => (item + 7) % 5), palette: Float32Array.of(0, 1, 2, 3, 5) },
    },
    { ...name('plain'), values: { kind: 'plain', bytes: new Uint8Array(Float32Array.from(integers, Math.sin).buffer) } },
  ]
  const file = encodeWeights(tensors)
  const sections = sectionsOf(file)
  expect(sections.map(({ name, type, dims, form, bits }) => ({ name, type, dims, form, bits }))).toEqual([
    { ...name('affine'), form: 'integers', bits: 4 },
    { ...name('palette'), form: 'palette', bits: 3 },
    { ...name('plain'), form: 'plain', bits: 32 },
  ])
  const header = new DataView(file.buffer, file.byteOffset).getUint32(12, true)
  expect(16 + header + sections.reduce((sum, { bytes }) => sum + bytes.length, 0) + 4).toBe(file.length)
})

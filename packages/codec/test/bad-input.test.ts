import { describe, expect, it } from 'vitest'
import { crc32 } from '../src/crc.ts'
import { createDecoder, decodeWeights, WeightFileError } from '../src/decode.ts'
import { encodeWeights, type StoredTensor } from '../src/encode.ts'
import { affineCase, paletteCase, plainCase, randomOf } from './random-tensors.ts'

const random = randomOf(11)
const tensors = [plainCase, affineCase, paletteCase, affineCase, plainCase, paletteCase].map(
  (make, index) => make(`t${index}`, random).tensor,
)
const file = encodeWeights(tensors, { host: 'none' })

function codeOf(bytes: Uint8Array, options?: Parameters<typeof decodeWeights>[1]): string {
  try {
    decodeWeights(bytes, options)
    return 'read'
  } catch (error) {
    expect(error).toBeInstanceOf(WeightFileError)
    return (error as WeightFileError).code
  }
}

/** A file of one tensor whose header and section are given, with sizes and checksum that fit. */
function fileOf(header: string, section: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(header)
  const out = new Uint8Array(16 + text.length + section.length + 4)
  const view = new DataView(out.buffer)
  out.set(new TextEncoder().encode('WHTL'))
  view.setUint32(4, 1, true)
  view.setUint32(8, out.length, true)
  view.setUint32(12, text.length, true)
  out.set(text, 16)
  out.set(section, 16 + text.length)
  view.setInt32(out.length - 4, crc32(out.subarray(0, -4)), true)
  return out
}

const one = (type: string, dims: unknown, ...section: number[]): Uint8Array =>
  fileOf(JSON.stringify([null, [['w', type, dims, section.length]]]), Uint8Array.from(section))

it('the checksum is CRC-32', () => {
  expect(crc32(new TextEncoder().encode('123456789')) >>> 0).toBe(0xcbf43926)
})

it('a file that is cut anywhere is refused as cut', () => {
  for (let length = 0; length < file.length; length++) expect(codeOf(file.subarray(0, length))).toBe('WEIGHT_FILE_CUT')
})

it('every flipped bit is found', () => {
  for (let bit = 0; bit < file.length * 8; bit++) {
    const bytes = file.slice()
    bytes[bit >> 3]! ^= 1 << (bit & 7)
    expect(codeOf(bytes)).not.toBe('read')
  }
})

it('a newer version is named', () => {
  const bytes = file.slice()
  bytes[4] = 2
  expect(() => decodeWeights(bytes)).toThrow(
    expect.objectContaining({ code: 'WEIGHT_FILE_NEWER', message: expect.stringMatching(/version is 2.*reads 1/) }),
  )
})

it('bytes behind the end are refused', () => {
  expect(codeOf(Uint8Array.from([...file, 0]))).toBe('WEIGHT_FILE_CORRUPT')
})

it('a decoder that was not given all says so at the end', () => {
  const decoder = createDecoder()
  decoder.push(file.subarray(0, -1))
  expect(() => decoder.end()).toThrow(expect.objectContaining({ code: 'WEIGHT_FILE_CUT' }))
})

it('sizes over the limit are refused before memory is taken', () => {
  expect(codeOf(one('float32', [2 ** 40], 1, 0))).toBe('WEIGHT_FILE_TOO_LARGE')
  expect(codeOf(one('float32', [2 ** 53 - 1, 2 ** 53 - 1], 1, 0))).toBe('WEIGHT_FILE_TOO_LARGE')
  expect(codeOf(one('float32', [300], 1, 0), { limit: 1000 })).toBe('WEIGHT_FILE_TOO_LARGE')
})

describe('a section', () => {
  const palette = (index: number): Uint8Array => one('float32', [3], 5, 1, 0, 0, 1, 1, 3, 1, 0, 0, 1, index, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 63, 64) // prettier-ignore

  it.each([
    ['form', one('float32', [2], 9)],
    ['layout', one('int8', [2], 1, 7)],
    ['length, too short', one('int8', [3], 1, 0, 1, 2)],
    ['length, too long', one('int8', [1], 1, 0, 1, 2)],
    ['type for integers', one('int8', [1], 4, 4, 0, 0, 1, 1, 1, 1)],
    ['number of channels', one('float32', [4], 4, 4, 0, 0, 1, 3, 1, 1)],
    ['tensor that is said to be the same', one('int8', [1], 0, 0)],
    ['set of tables', one('int8', [1], 1, 2, 3, 0)],
    ['frequencies', one('int8', [1], 1, 2, 0, 1, 128, 64)],
    ['number of tables', one('int8', [1], 1, 2, 0, 255, 255, 255, 127)],
    ['header that is no list', fileOf('{}', new Uint8Array())],
    ['header that is no JSON', fileOf('[', new Uint8Array())],
    ['type', one('toString', [1], 1, 0, 0)],
    ['dims', one('int8', [-1], 1, 0, 0)],
    ['kind of dims', one('int8', 'x', 1, 0, 0)],
    ['palette index', palette(2)],
  ])('with a wrong %s is corrupt', (_, bytes) => {
    expect(codeOf(bytes)).toBe('WEIGHT_FILE_CORRUPT')
  })

  it('names what is wrong on one line', () => {
    const name = 'a\n\u007f\u2028' + 'x'.repeat(999)
    expect(() => decodeWeights(fileOf(JSON.stringify([null, [[name, 'int8', [1], 1]]]), Uint8Array.of(9)))).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/^weight file: a form is unknown; fetch it again \(tensor "a\\n\?\?x{196}"\)$/),
      }),
    )
  })

  it('with palette indices that are in range is read, and one that is not is named', () => {
    expect([...new Float32Array(decodeWeights(palette(1)).tensors.get('w')!.bytes.buffer)]).toEqual([0.5, 2, 2])
    expect(() => decodeWeights(palette(2))).toThrow(/palette index.*"w"/)
  })
})

it('4,000 changed files with fitting sizes and checksum are read or refused', () => {
  let read = 0
  for (let count = 0; count < 4000; count++) {
    const bytes = file.slice()
    for (let change = 0; change < 2; change++) bytes[16 + Math.floor(random() * (bytes.length - 16))] = random() * 256
    new DataView(bytes.buffer).setInt32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true)
    if (codeOf(bytes, { limit: 2 ** 20 }) === 'read') read++
  }
  expect(read).toBeGreaterThan(20)
})

describe('the writer refuses', () => {
  const tensor = (values: object, dims = [4], type = 'float32'): StoredTensor => ({ name: 'w', type, dims, values }) as StoredTensor
  const integers = Int8Array.of(1, 2, 3, 4)
  const scales = Float32Array.of(1)

  it.each([
    ['bytes', tensor({ kind: 'plain', bytes: new Uint8Array(3) })],
    ['float32', tensor({ kind: 'affine', integers, bits: 8, scales }, [4], 'int8')],
    ['bits', tensor({ kind: 'affine', integers, bits: 9, scales })],
    ['does not fit 3 bits', tensor({ kind: 'affine', integers, bits: 3, scales })],
    ['integers', tensor({ kind: 'affine', integers, bits: 8, scales }, [5])],
    ['scales', tensor({ kind: 'affine', integers, bits: 8, scales, axis: 0 })],
    ['axis', tensor({ kind: 'affine', integers, bits: 8, scales, axis: 1 })],
    ['zero points', tensor({ kind: 'affine', integers, bits: 8, scales, zeroPoints: Int32Array.of(1, 2) })],
    ['palette index', tensor({ kind: 'palette', indices: Uint8Array.of(0, 1, 2, 0), palette: new Float32Array(2) })],
    ['dims', tensor({ kind: 'plain', bytes: new Uint8Array() }, [-1])],
  ])('what does not fit the tensor: %s', (what, stored) => {
    expect(() => encodeWeights([stored])).toThrow(new RegExp(`'w'.*${what}`))
  })

  it('two tensors of one name', () => {
    const stored = tensor({ kind: 'plain', bytes: new Uint8Array(16) })
    expect(() => encodeWeights([stored, stored])).toThrow(/'w'/)
  })
})

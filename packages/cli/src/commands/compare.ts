import { compareModels, loadDataset, nativeEngine, wasmEngine } from '@whittle/compiler'
import { colorsFor, decibelText, jsonText, tableText } from '../format.ts'
import { type Io, pathFrom } from '../io.ts'
import { progressLine } from '../progress.ts'

export const ENGINES = { wasm: wasmEngine, native: nativeEngine } as const

export interface CompareOptions {
  data: string
  engine: keyof typeof ENGINES
  json?: boolean
}

/** `whittle compare A B --data DIR`. */
export async function compareCommand(a: string, b: string, options: CompareOptions, io: Io): Promise<void> {
  const { value: data } = await loadDataset(options.data, { root: io.cwd ?? process.cwd() })
  const progress = progressLine(io.stderr)
  try {
    const comparison = await compareModels({
      a: pathFrom(io, a),
      b: pathFrom(io, b),
      data,
      engine: ENGINES[options.engine](),
      signal: io.signal,
      onProgress: (done, total) => progress.show(`comparing ${total === undefined ? done : `${done}/${total}`}`),
    })
    progress.clear()
    if (options.json) return void io.stdout.write(jsonText(comparison))
    const rows = Object.entries(comparison.outputs).map(([name, { sqnr, cosine, maxAbs, finite }]) => [
      name,
      decibelText(sqnr),
      cosine.toFixed(6),
      maxAbs.toPrecision(3),
      finite.actual ? '' : 'not finite',
    ])
    const table = tableText(['output', 'SQNR', 'cosine', 'greatest difference', ''], rows, colorsFor(io), [1, 2, 3])
    io.stdout.write(`${table}\n\n${comparison.samples} samples, ${comparison.engine} engine.\n`)
  } finally {
    progress.clear()
  }
}

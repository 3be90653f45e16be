import { readFileSync } from 'node:fs'
import type { Tensors } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { cut, fixture } from '@whittle/testing'
import { matrix, normal, type MatrixModel } from './matrix.ts'

function picture(name: string, bytes: Uint8Array, dims: number[], more: Partial<MatrixModel> = {}): MatrixModel {
  return {
    file: `${name}.onnx`,
    files: { [`${name}.onnx`]: bytes },
    query: `input=${dims.join('x')}`,
    formats: ['int8', 'fp16'],
    runs: (random): Tensors[] => [{ x: normal(random, dims) }],
    ...more,
  }
}

/** Real models of pictures in ONNX: one whole, of the others what a GPU made of software runs in a second. */
matrix({
  direction: picture('direction', readFileSync(fixture('direction')), [1, 3, 48, 192]),
  detector: picture('detector', writeOnnx(cut(fixture('detector'), 'Conv', 8)), [1, 3, 64, 64]),
  recogniser: picture('recogniser', writeOnnx(cut(fixture('recogniser'), 'Conv', 8)), [1, 3, 48, 64]),
})

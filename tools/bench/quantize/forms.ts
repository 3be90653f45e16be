import { runOnce } from '../run-once.ts'
import { DEFAULT_FORMS, type Task } from '../tasks/task.ts'

/** One compressed form of a task's model: who makes it, and how. */
export interface Form {
  readonly tool: 'whittle' | 'onnxruntime' | 'numpy' | 'nncf'
  readonly form: string
  /** @param brotli the original's bytes after brotli. */
  build(task: Task, target: string, brotli: number): Promise<Built>
}

/** What the process that made a file said. */
export interface Built {
  readonly seconds?: number
  /** Peak memory of the process, MiB. */
  readonly mib?: number
  readonly note?: string
  /** Why there is no file. */
  readonly failed?: string
}

/** Against it builds are timed. */
export const TIMED_AGAINST = 'static U8S8 per channel'

const PEERS: readonly (readonly [Form['tool'], string])[] = [
  ['onnxruntime', 'static int8'],
  ['onnxruntime', 'static U8S8'],
  ['onnxruntime', TIMED_AGAINST],
  ['onnxruntime', 'static U8S8 per channel, percentile'],
  ['onnxruntime', 'static U8S8 per channel, sensitive nodes excluded'],
  ['onnxruntime', 'static U8S8 per channel, sensitive nodes stored'],
  ['onnxruntime', 'dynamic int8'],
  ['onnxruntime', 'dynamic int8 per channel, MatMul only'],
  ['onnxruntime', 'fp16'],
  ['onnxruntime', 'MatMulNBits, 4 bits'],
  ['onnxruntime', 'MatMulNBits, 4 bits, GPTQ'],
  ['numpy', 'stored, 8 bits per channel'],
  ['numpy', 'stored, 6 bits per channel'],
  ['numpy', 'stored, 5 bits per channel'],
  ['numpy', 'stored, 4 bits per channel'],
  ['nncf', 'NNCF static int8'],
  ['nncf', 'NNCF static int8, full bias correction'],
  ['nncf', 'NNCF int8 weights'],
]

/** Whittle's by import query, and its static int8 by the peers' method. */
export function whittleForms(task: Task, calibration: string): Form[] {
  const ranges: Form = {
    tool: 'whittle',
    form: 'static int8 only: min-max ranges, no verification',
    build: (_, target) => runOnce(process.execPath, 'quantize/static-once.mjs', task.file, calibration, target),
  }
  return [ranges, ...(task.forms ?? DEFAULT_FORMS).map(importForm)]
}

/** What an import with a query gives; `task` is the task's calibration data. */
export function importForm(query: string): Form {
  const build: Form['build'] = (task, target, brotli) =>
    runOnce(process.execPath, 'quantize/whittle-once.mjs', task.name, query, target, `${brotli}`)
  return { tool: 'whittle', form: query, build }
}

/** Those of other tools, in a Python that holds them. All get the same calibration samples. */
export function peerForms(python: string, calibration: string): Form[] {
  return PEERS.map(([tool, form]) => ({
    tool,
    form,
    build: ({ file }, target) => runOnce(python, 'quantize/quantize-once.py', form, file, calibration, target),
  }))
}

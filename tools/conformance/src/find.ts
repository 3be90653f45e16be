import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'

/** A model of ONNX's backend tests, and its data sets. */
export interface TestCase {
  /** `node/test_relu`. */
  readonly name: string
  readonly model: Uint8Array
  /** Files in the order of the graph's inputs and outputs. */
  readonly sets: readonly { readonly inputs: readonly Uint8Array[]; readonly outputs: readonly Uint8Array[] }[]
}

/** The names of all folders under `folder` that hold a model.onnx, sorted. */
export function findCases(folder: string): string[] {
  const found: string[] = []
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.name === 'model.onnx') found.push(path.relative(folder, entry.parentPath).replaceAll('\\', '/'))
  return found.sort()
}

export function loadCase(folder: string, name: string): TestCase {
  const place = path.join(folder, name)
  const sets = readdirSync(place)
    .filter((entry) => entry.startsWith('test_data_set_'))
    .sort()
    .map((entry) => ({ inputs: numbered(path.join(place, entry), 'input'), outputs: numbered(path.join(place, entry), 'output') }))
  return { name, model: readFileSync(path.join(place, 'model.onnx')), sets }
}

function numbered(folder: string, kind: string): Uint8Array[] {
  const numbers = readdirSync(folder).flatMap((file) => new RegExp(`^${kind}_(\\d+)\\.pb$`).exec(file)?.[1] ?? [])
  return numbers.sort((a, b) => Number(a) - Number(b)).map((number) => readFileSync(path.join(folder, `${kind}_${number}.pb`)))
}

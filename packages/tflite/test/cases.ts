import { readFileSync } from 'node:fs'
import { type ElementType, Tensor } from '@whittle/ir'

interface Port {
  name: string
  type: string
  dims: number[]
  data: string
}

/** A small model, random inputs, and what LiteRT makes of them. */
export interface Case {
  name: string
  bytes: Uint8Array
  inputs: Record<string, Tensor>
  outputs: Record<string, Tensor>
}

/** What `tools/generate/tflite_cases.py` wrote. */
export const cases: readonly Case[] = readFileSync(new URL('fixtures/cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => {
    const { case: name, model, inputs, outputs } = JSON.parse(line) as { case: string; model: string; inputs: Port[]; outputs: Port[] }
    return { name, bytes: fromBase64(model), inputs: tensorsOf(inputs), outputs: tensorsOf(outputs) }
  })

export function caseOf(name: string): Case {
  const found = cases.find((item) => item.name === name)
  if (!found) throw new Error(`there is no case '${name}'`)
  return found
}

function tensorsOf(ports: readonly Port[]): Record<string, Tensor> {
  return Object.fromEntries(
    ports.map(({ name, type, dims, data }) => [name, Tensor.fromBytes(type as ElementType, dims, fromBase64(data))]),
  )
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}

/** The largest difference, relative to the largest number that is expected. */
export function worst(expected: Tensor, actual: Tensor): number {
  const [want, got] = [expected.toNumbers(), actual.toNumbers()]
  const largest = want.reduce((most, item) => Math.max(most, Math.abs(item)), 1e-30)
  return want.reduce((most, item, index) => Math.max(most, item === got[index] ? 0 : Math.abs(item - got[index]!) / largest), 0)
}

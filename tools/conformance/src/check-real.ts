import { type Model, Tensor, compress, createRandom, messageOf, silentLogger, validate } from '@whittle/ir'
import { readOnnx, writeOnnx } from '@whittle/ir/onnx'
import { nativeEngine } from '@whittle/engine'
import { simplify } from '@whittle/simplify'
import { randomInputs } from '@whittle/testing'
import * as ort from 'onnxruntime-node'
import { differenceOfProtos } from './equal.ts'
import { decodeModel } from './protobuf.ts'
import { differenceOfOutputs, runFile } from './run.ts'

/** Sizes at which the real models' free dimensions make sense: batch, height and width of pictures, samples of sound. */
const SIZES = [1, 48, 96, 160, 320, 512, 1760, 76, 16, 32]

export interface RealResult {
  /** Nodes left after `simplify`. */
  readonly nodes: number
  readonly problem: string | undefined
}

/** A real model read, written back, simplified, written and run. Its free dimensions are sized by trying what onnxruntime takes. */
export async function compareReal(bytes: Uint8Array, file: string): Promise<RealResult> {
  let nodes = 0
  const problem = async (): Promise<string | undefined> => {
    const before = decodeModel(bytes)
    const same = differenceOfProtos(before, decodeModel(writeOnnx(readOnnx(bytes, { upgrade: false }), { valueInfo: true })))
    if (same) return `written back, ${same}`
    const upgraded = readOnnx(bytes, { file })
    validate(upgraded)
    const engine = nativeEngine({ threads: 1 })
    const { model } = await compress(readOnnx(bytes, { file }), [simplify()], { engine, logger: silentLogger, random: createRandom(file) })
    nodes = [...model.nodes()].length
    const { feeds, expected } = await runOriginal(bytes, upgraded)
    for (const [what, changed] of [
      ['upgraded', upgraded],
      ['simplified', model],
    ] as const) {
      const found = await runFile(writeOnnx(changed), feeds)
      const difference = expected.map((outputs, index) => differenceOfOutputs(outputs, found[index]!)).find((item) => item !== undefined)
      if (difference) return `${what}, ${difference}`
    }
    return undefined
  }
  try {
    const found = await problem()
    return { nodes, problem: found }
  } catch (error) {
    return { nodes, problem: messageOf(error).split('\n')[0] }
  }
}

async function runOriginal(bytes: Uint8Array, model: Model) {
  const inputs = model.graph.inputs.filter((input) => !input.tensor)
  const free = [...new Set(inputs.flatMap((input) => (input.shape ?? []).filter((dim) => typeof dim === 'string')))]
  let reason: unknown
  for (const sizes of combinations(free.length)) {
    const dims = Object.fromEntries(free.map((name, index) => [name, sizes[index]!]))
    const random = randomInputs(model, createRandom('real'), dims)
    if (random.sr) random.sr = Tensor.int64(random.sr.dims, [16000])
    const feeds = [Object.fromEntries(Object.entries(random).map(([name, tensor]) => [name, toOrt(tensor)]))]
    try {
      return { feeds, expected: await runFile(bytes, feeds) }
    } catch (error) {
      reason = error
    }
  }
  throw reason
}

/** The batch, which comes first, is 1. */
function combinations(count: number): number[][] {
  if (count <= 1) return count === 0 ? [[]] : SIZES.map((size) => [size])
  if (count === 2) return SIZES.slice(1).map((size) => [1, size])
  const rest = Array.from({ length: count - 3 }, () => 1)
  const pictures = [48, 64].flatMap((height) => SIZES.slice(1).map((width) => [1, height, width, ...rest]))
  return [...pictures, [1, 512, 1, ...rest]]
}

const toOrt = (tensor: Tensor): ort.Tensor => new ort.Tensor(tensor.type as 'float32', tensor.data() as Float32Array, tensor.dims)

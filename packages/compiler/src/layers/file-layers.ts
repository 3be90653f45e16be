import { messageOf, WhittleError } from '@whittle/ir'
import { readOnnx } from '@whittle/ir/onnx'
import type { VariantReport } from '../types.ts'
import { type Pairing, compareInside, sqnrOf } from './error.ts'
import { graphSummary, programSummary } from './graph-summary.ts'
import type { FileLayers, Layer } from './layer.ts'
import { type FileWeight, onnxWeights } from './onnx-weights.ts'
import { type OriginalLayers, type OriginalWeight, setSizes } from './original.ts'
import { programWeights } from './program-weights.ts'

/** Steps whose options move factors from layer to layer: what a layer gives is then another, and no worse. */
const MOVES = ['equalization', 'smooth'] as const

/** The layers of one file. @param variant one of those that it is shipped for. */
export async function fileLayers(bytes: Uint8Array, variant: VariantReport, original: OriginalLayers): Promise<FileLayers> {
  return variant.runtime === 'tfjs' ? ofProgram(bytes, variant, original) : ofOnnx(bytes, variant, original)
}

function ofProgram(bytes: Uint8Array, variant: VariantReport, { model, weights }: OriginalLayers): FileLayers {
  const program = programWeights(bytes, model)
  const layers = weights.flatMap((weight) => {
    const held = program.weights.get(weight.name)
    if (!held) return []
    const reference = program.originals.get(weight.name)
    return [layerOf(weight, held, variant, { weight: reference && held.values && sqnrOf(reference, held.values.data) })]
  })
  const missing = ['What layers give cannot be read out of a program of the small runtime: the error of outputs is missing.']
  if (layers.length < weights.length)
    missing.push(`${weights.length - layers.length} of ${weights.length} weights lie in the file in another form, and are missing.`)
  return { graph: programSummary(program.kernels), layers, missing }
}

async function ofOnnx(bytes: Uint8Array, variant: VariantReport, original: OriginalLayers): Promise<FileLayers> {
  const file = readOnnx(bytes)
  setSizes(file, original.inputs)
  const held = await onnxWeights(file, original.engines.native)
  const graph = graphSummary(file)
  const missing: string[] = []
  if (held.length !== original.weights.length) {
    missing.push(
      `The file has ${held.length} weights and the simplified model ${original.weights.length}: they cannot be told apart by their order, so that names and errors are missing.`,
    )
    return { graph, layers: held.map((weight, index) => unnamed(weight, index)), missing }
  }
  const outputs = await outputErrors(file, held, variant, original).catch((error: unknown) => {
    if (!(error instanceof WhittleError)) throw error
    return messageOf(error)
  })
  if (typeof outputs === 'string') missing.push(`The error of what layers give is missing: ${outputs}.`)
  const layers = original.weights.map((weight, index) => {
    const { values } = held[index]!
    return layerOf(weight, held[index]!, variant, {
      weight: values && values.dims.join() === weight.tensor.dims.join() ? sqnrOf(weight.tensor.toFloat32(), values.data) : undefined,
      output: typeof outputs === 'string' ? undefined : outputs.get(weight.node.outputs[0]?.name ?? ''),
    })
  })
  return { graph, layers, missing }
}

/** By the names of the original's outputs; or why there are none. */
async function outputErrors(
  file: Parameters<typeof compareInside>[1],
  held: readonly FileWeight[],
  { recipe }: VariantReport,
  { model, weights, inputs, engines }: OriginalLayers,
): Promise<Map<string, number | null> | string> {
  const moved = recipe.some(({ options }) =>
    MOVES.some((name) => options[name] !== undefined && options[name] !== null && options[name] !== 'none'),
  )
  if (moved) return 'the recipe moves factors from layer to layer, after which what is between them is another'
  const pairs: Pairing[] = weights.flatMap(({ node }, index) => {
    const [own, other] = [node.outputs[0], held[index]!.output]
    return own && other && own.graph === model.graph && other.graph === file.graph ? [{ original: own.name, given: other.name }] : []
  })
  return compareInside(model, file, pairs, inputs, engines.wasm)
}

function layerOf(
  { name, node, tensor }: OriginalWeight,
  held: FileWeight,
  { reports }: VariantReport,
  error: { weight: number | null | undefined; output?: number | null | undefined },
): Layer {
  // Lowering speaks of forms, which have a column of their own; of simplifying, nothing is left to say of a weight.
  const steps = reports.filter(({ step }) => step !== 'lower' && step !== 'simplify')
  const done = steps.flatMap(({ step, changed }) => changed.filter(({ at }) => at === name).map(({ what }) => `${step}: ${what}`))
  const left = steps.flatMap(({ step, skipped }) =>
    skipped.filter(({ at }) => at === name).map(({ why }) => `${step} left it alone: ${why}`),
  )
  return {
    ...figuresOf(held),
    name,
    op: node.type,
    dims: [...tensor.dims],
    elements: tensor.size,
    ...(error.weight === undefined ? {} : { weightSqnr: error.weight }),
    ...(error.output === undefined ? {} : { outputSqnr: error.output }),
    done: [...done, ...left],
  }
}

function unnamed(held: FileWeight, index: number): Layer {
  const dims = held.values?.dims ?? []
  return {
    ...figuresOf(held),
    name: `weight ${index + 1}`,
    op: held.node?.type ?? '',
    dims: [...dims],
    elements: dims.reduce((product, dim) => product * dim, 1),
    done: [],
  }
}

function figuresOf({
  stored,
  bits,
  bytes,
  brotli,
  values,
  zeros,
  computes,
}: FileWeight): Pick<Layer, 'stored' | 'bits' | 'bytes' | 'brotli' | 'zeros' | 'computes'> {
  return { stored, bits, bytes, brotli, zeros: zeros ?? (values ? shareOfZeros(values.data) : null), computes }
}

function shareOfZeros(data: Float32Array): number {
  let count = 0
  for (const value of data) if (value === 0) count++
  return data.length === 0 ? 0 : count / data.length
}

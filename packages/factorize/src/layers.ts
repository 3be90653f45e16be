import { type Model, type Node, type Report, Tensor, type Value, type Weight, constantOf, weightsOf } from '@whittle/ir'
import { elementsOf, rowsOf, whyNoGram } from '@whittle/statistics'
import { chainsOf, layerWeight } from './chain.ts'
import type { Kernel } from './form.ts'
import { type Matrix, matrixOf } from './matrix.ts'
import type { ResolvedOptions } from './options.ts'

/** A layer that may become several. */
export interface Layer {
  readonly weight: Weight
  readonly kernel: Kernel
  /** Why nothing is known of its inputs though data is asked for; undefined where it is, and where none is. */
  readonly unmeasured: string | undefined
  readonly measured: boolean
}

/** More inputs of one output than this are not measured: their products would fill the memory. */
const MOST_INPUTS = 2304

/** The layers that can be factored; all other weights are named in the report. */
export function layersToFactorize(model: Model, options: ResolvedOptions, report: Report): Layer[] {
  const chained = new Set(chainsOf(model).flatMap(({ nodes }) => nodes.map((node) => layerWeight(node)!.value)))
  const seen = new Set<Value>()
  const layers: Layer[] = []
  for (const weight of weightsOf(model)) {
    const { value } = weight
    if (seen.has(value)) continue
    seen.add(value)
    const why = chained.has(value) ? 'it is of low rank already' : reasonToKeep(weight, options)
    if (why) {
      report.skipped.push({ at: value.name, why })
      continue
    }
    const unmeasured = options.method === 'data' ? whyNotMeasured(weight) : undefined
    layers.push({ weight, kernel: kernelShape(weight), unmeasured, measured: options.method === 'data' && !unmeasured })
  }
  for (const value of behindTransposes(model))
    if (!seen.has(value)) report.skipped.push({ at: value.name, why: 'it is behind a Transpose; run simplify first' })
  return layers
}

/** The layer's weights, outputs x (inputs times taps). */
export function weightsMatrix({ weight }: Layer): Matrix {
  const rows = rowsOf(weight)
  const columns = rows[0]!.length
  const matrix = matrixOf(rows.length, columns)
  rows.forEach((row, index) => matrix.data.set(row, index * columns))
  return matrix
}

/** Such weights in the form of the layer's own. */
export function denseTensor({ weight }: Layer, { rows, columns, data }: Matrix): Tensor {
  const all = Array.from({ length: rows }, (_, row) => Float32Array.from(data.subarray(row * columns, (row + 1) * columns)))
  return Tensor.float32(weight.tensor.dims, elementsOf(weight, all))
}

function kernelShape({ node, tensor, outputAxis, inputAxis }: Weight): Kernel {
  const extents = node.type === 'Conv' ? tensor.dims.slice(2) : []
  return {
    outputs: tensor.dims[outputAxis!]!,
    inputs: tensor.dims[inputAxis!]!,
    extents,
    steps: extents.map((_, axis) => {
      const [from, to] = [node.inputs[0]?.shape?.[axis + 2], node.output.shape?.[axis + 2]]
      return typeof from === 'number' && typeof to === 'number' && to > 0 ? from / to : (node.ints('strides')?.[axis] ?? 1)
    }),
  }
}

/** What a layer has to be, by op, beside having a kernel: a reason where it is not. */
const RULES: Readonly<Record<string, (weight: Weight) => string | undefined>> = {
  MatMul: ({ input, tensor }) =>
    input === 0 ? 'it is the left operand of a MatMul' : tensor.dims.length === 2 ? undefined : 'it is no single matrix',
  Gemm: ({ node }) => (node.int('transA', 0) === 0 ? undefined : 'its Gemm has transA'),
  Conv({ node, tensor }) {
    const group = node.int('group', 1)
    if (group === 1) return undefined
    return tensor.dims[1] === 1 ? 'its Conv is depthwise' : `its Conv has ${group} groups`
  },
  Gather: ({ outputAxis, inputAxis }) => (outputAxis === 1 && inputAxis === 0 ? undefined : 'it is no table of rows'),
}

function reasonToKeep(weight: Weight, { minSize, embeddings }: ResolvedOptions): string | undefined {
  const { value, role, node } = weight
  if (role !== 'kernel' && role !== 'embedding') return role === 'statistics' ? 'statistics, not a kernel' : `a ${role}, not a kernel`
  if (role === 'embedding' && !embeddings) return 'an embedding, and embeddings are left alone'
  const { tensor, quantization } = value
  if (!tensor) return 'not an initializer; run simplify first'
  if (tensor.type !== 'float32') return `its elements are ${tensor.type}, not float32`
  if (quantization) return 'it has a number format already; factorize before quantize and cluster'
  const rule = RULES[node.type]
  if (!rule) return `a ${node.type} is not factored`
  if (weight.input > 1) return 'it is not the kernel of its node'
  if (value.uses.length > 1 || value.isOutput) return 'several nodes share it'
  if (tensor.size < minSize) return `only ${tensor.size} elements, fewer than minSize ${minSize}`
  const why = rule(weight)
  if (why) return why
  return tensor.toFloat32().every(Number.isFinite) ? undefined : 'it has values that are not finite'
}

function whyNotMeasured({ node, role, tensor, outputAxis }: Weight): string | undefined {
  if (role === 'embedding') return 'it is a table'
  const why = whyNoGram(node)
  if (why) return why
  const inputs = tensor.size / tensor.dims[outputAxis!]!
  return inputs > MOST_INPUTS ? `an output has ${inputs} inputs, more than the ${MOST_INPUTS} that are measured` : undefined
}

/** Constants that layers read through a Transpose: no weights to the op table. */
function behindTransposes(model: Model): Value[] {
  return [...model.nodes()].flatMap((node: Node) => {
    const source = node.type in RULES && node.type !== 'Gather' ? node.inputs[1]?.producer : undefined
    const value = source?.type === 'Transpose' ? source.inputs[0] : undefined
    return value && constantOf(value) ? [value] : []
  })
}

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Port, brotliSize, portsOf } from '@whittle/engine'
import {
  type ElementType,
  type Model,
  ModelError,
  type Tensor,
  WhittleError,
  inferShapes,
  kindOf,
  macsOf,
  messageOf,
  validate,
} from '@whittle/ir'
import { TARGETS } from '@whittle/targets'
import { type Forecast, forecast } from './forecast.ts'

/** Constants of one element type. */
export interface WeightSummary {
  readonly tensors: number
  readonly elements: number
  readonly bytes: number
}

/** What a model's file holds. */
export interface ModelSummary {
  readonly file: string
  /** Bytes of the file and of its external data. */
  readonly bytes: number
  /** Bytes after brotli at its highest quality. */
  readonly brotli: number
  /** Name and version of what wrote the file; empty where it does not say. */
  readonly producer: string
  /** Version by domain, as in the file. */
  readonly opsets: Readonly<Record<string, number>>
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
  /** How often each op occurs, subgraphs included, the most frequent first. */
  readonly ops: Readonly<Record<string, number>>
  /** Elements of all constants that can be learned: floats, and integers of 16 bits at most. */
  readonly parameters: number
  /** Multiply-accumulates of one run with a batch of 1; null where other dimensions are free. */
  readonly macs: number | null
  /** Constants by element type, the largest first. */
  readonly weights: Readonly<Partial<Record<ElementType, WeightSummary>>>
  /** Where the nodes of the model, upgraded to the opset of every variant and else as it is, run on each target, at batch 1. */
  readonly targets: readonly Forecast[]
}

/**
 * Reads a model's file and says what is in it.
 * @throws {ModelError} when the file is no model, or an invalid one; {@link UnsupportedError} when this version cannot read it.
 */
export async function inspect(file: string): Promise<ModelSummary> {
  const { readOnnx } = await import('@whittle/ir/onnx')
  const { formatOf, readModelFile } = await import('./source.ts')
  const { model, files } = readModelFile(file)
  try {
    validate(model)
  } catch (error) {
    throw new ModelError('MODEL_INVALID', `${file}: ${messageOf(error)}`, { cause: error })
  }
  const contents = files.map((path) => readFileSync(path))
  // As it stands in the file: the reader upgrades the operator set otherwise. Places of external data were checked above.
  const written =
    formatOf(file) === 'onnx'
      ? readOnnx(contents[0]!, { file, upgrade: false, external: (location) => readFileSync(join(dirname(file), location)) })
      : model
  const weights = summarizeWeights(written)
  const batchOne = shapesAtBatchOne(model)
  const { producerName, producerVersion } = written.metadata
  let brotli = 0
  for (const content of contents) brotli += await brotliSize(content)
  return {
    file,
    bytes: contents.reduce((sum, content) => sum + content.byteLength, 0),
    brotli,
    producer: [producerName, producerVersion].filter(Boolean).join(' '),
    opsets: Object.fromEntries([...written.opsets].map(([domain, version]) => [domain || 'ai.onnx', version])),
    ...portsOf(model),
    ops: countOps(written),
    parameters: Object.entries(weights).reduce((sum, [type, { elements }]) => sum + (isLearned(type as ElementType) ? elements : 0), 0),
    targets: TARGETS.map((target) => forecast(model, target, batchOne)),
    macs: macsAtBatchOne(model),
    weights,
  }
}

function countOps(model: Model): Record<string, number> {
  const counts = new Map<string, number>()
  for (const node of model.nodes()) counts.set(node.type, (counts.get(node.type) ?? 0) + 1)
  return Object.fromEntries([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)))
}

function summarizeWeights(model: Model): Partial<Record<ElementType, WeightSummary>> {
  const sums = new Map<ElementType, WeightSummary>()
  const add = (tensor: Tensor): void => {
    const { tensors, elements, bytes } = sums.get(tensor.type) ?? { tensors: 0, elements: 0, bytes: 0 }
    const size = tensor.type === 'string' ? Buffer.byteLength(tensor.strings().join('')) : tensor.bytes().byteLength
    sums.set(tensor.type, { tensors: tensors + 1, elements: elements + tensor.size, bytes: bytes + size })
  }
  for (const value of model.initializers()) add(value.tensor!)
  for (const node of model.nodes()) {
    const value = node.type === 'Constant' ? node.attributes.get('value') : undefined
    if (value?.type === 'tensor') add(value.value)
  }
  return Object.fromEntries([...sums].sort(([, a], [, b]) => b.bytes - a.bytes))
}

function isLearned(type: ElementType): boolean {
  return kindOf(type) === 'float' || ['int4', 'uint4', 'int8', 'uint8', 'int16', 'uint16'].includes(type)
}

/** Dims of the inputs of which only the batch is free, by name. */
function shapesAtBatchOne({ graph }: Model): Record<string, number[]> {
  const shapes: Record<string, number[]> = {}
  for (const { name, shape } of graph.inputs) {
    const dims = shape?.map((dim, axis) => (axis === 0 && typeof dim === 'string' ? 1 : dim))
    if (dims?.every((dim): dim is number => typeof dim === 'number')) shapes[name] = dims
  }
  return shapes
}

function macsAtBatchOne(model: Model): number | null {
  const batch = model.graph.inputs.flatMap((input) => (typeof input.shape?.[0] === 'string' ? [input.shape[0]] : []))
  try {
    inferShapes(model, { dims: Object.fromEntries(batch.map((name) => [name, 1])) })
  } catch (error) {
    // The shapes contradict one another: the rest can be told all the same.
    if (error instanceof WhittleError) return null
    throw error
  }
  return macsOf(model).total ?? null
}

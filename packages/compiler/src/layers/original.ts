import { nativeEngine, wasmEngine } from '@whittle/engine'
import {
  type Model,
  ModelError,
  type Node,
  Tensor,
  type Tensors,
  type Value,
  WhittleError,
  compress,
  constantOf,
  createRandom,
  inferShapes,
  kindOf,
  silentLogger,
} from '@whittle/ir'
import { simplify } from '@whittle/simplify'
import { goldenValues } from '@whittle/targets'
import { syntheticDataset, take } from '../dataset.ts'
import { readSource } from '../source.ts'
import type { CompileResult } from '../types.ts'
import { graphSummary, kernelSlots } from './graph-summary.ts'
import type { GraphSummary } from './layer.ts'

/** A weight of the simplified model. */
export interface OriginalWeight {
  readonly name: string
  readonly node: Node
  readonly tensor: Tensor
}

/** The model that was compressed: what its layers are called, and what they hold. */
export class OriginalLayers {
  readonly engines = { native: nativeEngine(), wasm: wasmEngine() }
  readonly summary: GraphSummary
  /** Simplified, with the sizes of {@link inputs}. */
  readonly model: Model
  /** In the order of the nodes, each once. */
  readonly weights: readonly OriginalWeight[]
  /** One sample, made up. */
  readonly inputs: Tensors

  private constructor(summary: GraphSummary, model: Model, inputs: Tensors) {
    this.summary = summary
    this.model = model
    this.inputs = inputs
    this.weights = weightsIn(model)
  }

  /** @throws {ModelError} where the file is gone, or another. */
  static async of({ watch, manifest }: CompileResult): Promise<OriginalLayers> {
    const file = watch[0]!
    const { model, size } = readSource(file, '/')
    if (size !== manifest.source.bytes)
      throw new ModelError('MODEL_CHANGED', `${file} is not the model that was compressed any more; build again`)
    const inputs = await inputsFor(model, manifest)
    setSizes(model, inputs)
    const summary = graphSummary(model)
    const context = { engine: nativeEngine(), logger: silentLogger, random: createRandom('whittle') }
    const simplified = (await compress(model, [simplify()], context)).model
    setSizes(simplified, inputs)
    return new OriginalLayers(summary, simplified, inputs)
  }
}

/**
 * Noise of the samples' sizes in the middle half of their range, so that about as much is beyond the ranges of calibration as with samples; else as for
 * a model without samples.
 */
async function inputsFor(model: Model, { golden }: CompileResult['manifest']): Promise<Tensors> {
  if (!golden) return (await take(syntheticDataset(model), 1))[0]!.inputs
  const types = new Map(model.graph.inputs.map(({ name, elementType }) => [name, elementType!]))
  return Object.fromEntries(
    Object.entries(golden).map(([name, input], seed) => {
      const type = types.get(name) ?? 'float32'
      const whole = kindOf(type) !== 'float'
      const { low, high } = input
      const inner = whole ? input : { ...input, low: low + (high - low) / 4, high: high - (high - low) / 4 }
      return [name, Tensor.of(type, input.dims, goldenValues(inner, whole, seed))]
    }),
  )
}

/** Infers shapes at a sample's sizes, as far as they can be told. */
export function setSizes(model: Model, inputs: Tensors): void {
  const names = new Set(model.graph.inputs.map(({ name }) => name))
  const dims = Object.entries(inputs).flatMap(([name, tensor]) => (names.has(name) ? [[name, [...tensor.dims]]] : []))
  try {
    inferShapes(model, { dims: Object.fromEntries(dims) as Record<string, number[]> })
  } catch (error) {
    // The file's own shapes contradict one another: those that it states have to do.
    if (!(error instanceof WhittleError)) throw error
  }
}

function weightsIn(model: Model): OriginalWeight[] {
  const weights = new Map<Value, OriginalWeight>()
  for (const node of model.nodes())
    for (const slot of kernelSlots(node)) {
      const value = node.inputs[slot]
      const tensor = constantOf(value)
      if (value && tensor && kindOf(tensor.type) === 'float' && !weights.has(value)) weights.set(value, { name: value.name, node, tensor })
    }
  return [...weights.values()]
}

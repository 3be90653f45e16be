import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AttributeLike, type Model, type Tensor, type Value, inferShapes, weightsOfNode } from '@whittle/ir'

interface Place {
  /** The first element in values.bin. */
  readonly at: number
  readonly dims: readonly number[]
}

/** Writes a model and a batch for `torch-steps.py` and `tfjs-steps.js`: model.json, and values.bin with all float32 in it. */
export function handOver(folder: string, original: Model, images: Tensor, labels: readonly number[]): void {
  const model = original.clone()
  inferShapes(model)
  const parts: Uint8Array[] = []
  let at = 0
  const place = (tensor: Tensor): Place => {
    const start = at
    parts.push(tensor.bytes())
    at += tensor.size
    return { at: start, dims: tensor.dims }
  }
  const weights = new Map<string, Place>()
  for (const node of model.graph.nodes)
    for (const { value } of weightsOfNode(node)) if (!weights.has(value.name)) weights.set(value.name, place(value.tensor!))
  const nodes = model.graph.nodes
    .filter(({ type }) => !isLast(type))
    .map((node) => ({
      op: node.type,
      inputs: node.inputs.map((input) => input!.name),
      output: node.output.name,
      attributes: Object.fromEntries([...node.attributes].map(([name, attribute]) => [name, plain(attribute)])),
    }))
  const handed = {
    input: model.graph.inputs[0]!.name,
    logits: logitsOf(model).name,
    nodes,
    images: place(images),
    labels,
    weights: Object.fromEntries(weights),
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'model.json'), JSON.stringify(handed))
  writeFileSync(join(folder, 'values.bin'), Buffer.concat(parts))
}

/** What losses look behind. */
const isLast = (type: string): boolean => type === 'Softmax' || type === 'Identity'

function logitsOf({ graph }: Model): Value {
  let value = graph.outputs[0]!
  while (isLast(value.producer!.type)) value = value.producer!.inputs[0]!
  return value
}

const plain = (attribute: AttributeLike): unknown =>
  typeof attribute === 'object' && attribute !== null && 'value' in attribute ? attribute.value : attribute

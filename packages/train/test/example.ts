import { nativeEngine } from '@whittle/engine'
import { type Model, Tensor, type Tensors, inferShapes, weightsOf } from '@whittle/ir'
import { gradients, softmaxCrossEntropy } from '@whittle/train'

/** A model that is trained on one batch of pictures and their classes, by plain gradient descent. */
export async function descend(original: Model, picture: Tensor, classes: Tensor, steps = 100, rate = 0.5): Promise<Model> {
  const model = original.clone()
  inferShapes(model)
  const { graph } = model
  const [input, logits] = [graph.inputs[0]!, graph.outputs[0]!]
  const labels = graph.addInput('labels', 'int64', [logits.shape![0]!])
  const loss = softmaxCrossEntropy(graph, logits, labels)

  const trained = new Set(weightsOf(model).flatMap(({ value }) => (value.tensor?.type === 'float32' ? [value.name] : [])))
  const step = gradients(model, { loss: loss.name, wrt: [...trained], parameters: 'inputs' })
  for (const { at, why } of step.frozen) console.log(at, why)

  const initializers = [...original.initializers()].filter(({ name }) => trained.has(name))
  const weights: Tensors = Object.fromEntries(initializers.map(({ name, tensor }) => [name, tensor!]))
  const session = await nativeEngine().open(step.model)
  for (let count = 0; count < steps; count++) {
    const given = await session.run({ [input.name]: picture, labels: classes, ...weights })
    for (const [name, output] of step.gradients) {
      const slopes = given[output]!.toFloat32()
      const moved = weights[name]!.toFloat32().map((item, index) => item - rate * slopes[index]!)
      weights[name] = Tensor.float32(weights[name]!.dims, moved)
    }
  }
  await session.dispose()

  const result = original.clone()
  for (const value of result.graph.initializers) if (trained.has(value.name)) result.graph.setTensor(value, weights[value.name]!)
  return result
}

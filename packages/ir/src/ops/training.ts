import type { Node } from '../graph.ts'
import type { Facts, OpRow } from './row.ts'

/** Optimizers of ai.onnx.preview.training: steps on tensors, and the gradients that they take. */

/** Inputs: rate, step count, then groups of one tensor for each optimized one; each group of outputs is alike to one of them. */
function inferOptimizer(groups: number, updated: readonly number[]): (node: Node, facts: Facts) => void {
  return (node, facts) => {
    const count = (node.inputs.length - 2) / groups
    if (!Number.isInteger(count) || count < 1) facts.fail(`after the first two inputs there must be ${groups} for each optimized tensor`)
    updated.forEach((group, at) => {
      for (let index = 0; index < count; index++) {
        const input = 2 + group * count + index
        facts.set(at * count + index, facts.type(input), facts.shape(input))
      }
    })
  }
}

/** One output for each tensor of `xs`, which are the first inputs. */
function inferGradient(node: Node, facts: Facts): void {
  node.outputs.forEach((_, index) => facts.set(index, facts.type(index), facts.shape(index)))
}

export const trainingRows: readonly OpRow[] = [
  // X, gradient, accumulated squares.
  { type: 'ai.onnx.preview.training.Adagrad', infer: inferOptimizer(3, [0, 2]) },
  // X, gradient, averaged gradient, averaged squares.
  { type: 'ai.onnx.preview.training.Adam', infer: inferOptimizer(4, [0, 2, 3]) },
  // X, gradient, averaged gradient.
  { type: 'ai.onnx.preview.training.Momentum', infer: inferOptimizer(3, [0, 2]) },
  { type: 'ai.onnx.preview.training.Gradient', infer: inferGradient },
]

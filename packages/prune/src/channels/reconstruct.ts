import { type Context, type Model, type Report, Tensor, kernelOf } from '@whittle/ir'
import { addBias, collectPrefix, elementsOf, rowsOf, takesBias } from '@whittle/statistics'
import { fittedInputs } from '@whittle/statistics'
import { whyNoCurvature } from '../obs.ts'
import type { Kept } from './remove.ts'

/** Kernels of more inputs are not solved for: that costs the cube. */
const LARGEST = 2500

/**
 * Gives the layers that read fewer channels kernels that come nearest, by least squares, to what the original's gave, from the inputs on (He et al. 2017, "Channel
 * pruning for accelerating very deep neural networks", section 3.1); the bias takes over the mean.
 * @param kept what was left of `original`'s axes.
 */
export async function reconstruct(model: Model, original: Model, kept: Kept, context: Context, report: Report): Promise<void> {
  const byName = new Map([...kept].map(([value, axes]) => [value.name, axes]))
  const layers = model.graph.nodes.flatMap((node, at) => {
    const weight = kernelOf(node)
    const axes = weight && byName.get(weight.value.name)
    return weight && weight.inputAxis !== undefined && axes?.has(weight.inputAxis) ? [{ at, weight, axes }] : []
  })
  for (const [index, { at, weight, axes }] of layers.entries()) {
    context.signal?.throwIfAborted()
    const { node, value, outputAxis } = weight
    const size = weight.tensor.size / weight.tensor.dims[outputAxis!]!
    const why = whyNoCurvature(weight) ?? (size > LARGEST ? `each output has ${size} inputs, more than are solved for` : undefined)
    if (why) {
      report.skipped.push({ at: value.name, why: `it is not fitted to fewer channels: ${why}` })
      continue
    }
    const before = kernelOf(original.graph.nodes[at]!)!
    const all = rowsOf(before)
    const originals = axes.get(outputAxis!)?.map((row) => all[row]!) ?? all
    const near = rowsOf(weight)
    const groups = (await collectPrefix(model, original, at, context)).map((moments) => fittedInputs(moments, takesBias(node)))
    const groupOf = (row: number): (typeof groups)[number] => groups[Math.floor((row * groups.length) / near.length)]!
    const rows = near.map((row, place) => groupOf(place).fitted(originals[place]!, row))
    const shifts = Float32Array.from(rows, (row, place) => groupOf(place).shift(originals[place]!, row))
    value.graph.setTensor(value, Tensor.float32(weight.tensor.dims, elementsOf(weight, rows)))
    addBias(node, shifts)
    context.onProgress?.({ step: 'fitting layers', done: index + 1, total: layers.length })
  }
}

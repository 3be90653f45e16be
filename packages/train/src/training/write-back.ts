import { type Model, Tensor } from '@whittle/ir'
import { onGrid } from '../fake-quantize.ts'
import { valuesByName, valuesOf } from '../values.ts'
import type { Choice } from './choice.ts'
import { corrected } from './corrections.ts'
import type { Parameter } from './optimizer.ts'

/** Puts what was learned into the model: weights, those with a grid on it, grids of activations, statistics, corrections. */
export function writeBack(model: Model, learned: readonly Pick<Parameter, 'name' | 'values'>[], { scales, corrections }: Choice): void {
  const values = new Map(learned.map((parameter) => [parameter.name, parameter.values]))
  const grids = new Map(scales.map((scale) => [scale.of, scale]))
  for (const value of valuesOf(model)) {
    const { tensor, graph } = value
    const learned = values.get(value.name)
    const grid = grids.get(value.name)
    if (!grid) {
      if (tensor && learned) graph.setTensor(value, Tensor.float32(tensor.dims, learned))
      continue
    }
    const scale = values.get(grid.value.name) ?? grid.quantization.scale
    if (!tensor) value.quantization = { ...grid.quantization, scale }
    else if (learned) {
      const rounded = onGrid(tensor, learned, grid.quantization, scale)
      graph.setTensor(value, rounded.tensor)
      value.quantization = rounded.quantization
    }
  }
  const named = valuesByName(model)
  for (const correction of corrections) {
    const value = named.get(correction.of)!
    const { dims } = value.tensor!
    value.graph.setTensor(value, Tensor.float32(dims, corrected(value.tensor!.toFloat32(), correction, dims[0]!)))
  }
}

import { type Model, type Report, constantOf, opRow } from '@whittle/ir'
import { isQuantized } from './sources.ts'

/**
 * Lets the inputs of Conv, Gemm and MatMul with constant weights be rounded to 8 bits at every run, on the range that they then have. It needs
 * no data, and reaches into subgraphs.
 */
export function markDynamicInputs(model: Model, report: Report): void {
  for (const node of model.nodes()) {
    const [input, weight] = node.inputs
    if (!opRow(node)?.integers || isQuantized(node) || !input || constantOf(input) || !constantOf(weight)) continue
    if (input.quantization) continue
    if (input.elementType !== undefined && input.elementType !== 'float32') continue
    input.quantization = { kind: 'dynamic' }
    report.changed.push({ at: input.name, what: 'activation of 8 bits, on its range at each run' })
  }
}

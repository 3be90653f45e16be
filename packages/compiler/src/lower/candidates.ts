import { type IntegerQuantization, type Node, type Value, constantOf, kernelOf, opRow } from '@whittle/ir'
import { whyNotInInt32 } from './accumulators.ts'

/** A node that could compute in integers, with what it would read and give. */
export interface Candidate {
  readonly node: Node
  readonly input: Value
  readonly weight: Value
  readonly bias: Value | undefined
  /** What is requantized: the node's output, or that of the Relu behind it which the grid makes superfluous. */
  readonly output: Value
  /** The Relu or Clip between the node and {@link output}. */
  readonly activation: Node | undefined
}

/** The nodes that a target with `qdq-u8s8` could compute in integers; the reason for each that carries a grid and cannot. */
export function candidatesOf(nodes: readonly Node[]): { candidates: Candidate[]; skipped: { at: string; why: string }[] } {
  const candidates: Candidate[] = []
  const skipped: { at: string; why: string }[] = []
  for (const node of nodes) {
    const weight = node.inputs[1]
    if (!opRow(node)?.integers || weight?.quantization?.kind !== 'integer') continue
    const found = candidateOf(node, weight, weight.quantization)
    if (typeof found === 'string') skipped.push({ at: node.describe(), why: found })
    else candidates.push(found)
  }
  return { candidates, skipped }
}

function candidateOf(node: Node, weight: Value, grid: IntegerQuantization): Candidate | string {
  const input = node.inputs[0]
  const bias = node.inputs[2]
  if (grid.bits > 8) return `its weight has ${grid.bits} bits, and the target computes with at most 8`
  if (grid.block || !grid.signed) return 'its weight has blocks or zero points, and the target computes with a scale a channel'
  if (!input || input.quantization?.kind !== 'integer') return 'no range of its input is known'
  if (bias && constantOf(bias)?.type !== 'float32') return 'its bias is no float32 constant'
  if (node.type === 'Conv' && node.int('group', 1) !== 1) return 'a grouped convolution: int8 is slower there'
  if (node.type === 'Gemm' && (node.int('transA', 0) !== 0 || node.float('alpha', 1) !== 1 || node.float('beta', 1) !== 1))
    return 'a Gemm with factors'
  if (node.type === 'MatMul' && weight.tensor!.dims.length !== 2) return 'its weight is no matrix'
  if (grid.axis !== undefined && grid.axis !== kernelOf(node)?.outputAxis) return "its scales are not along the output channels' axis"
  const tooLarge = whyNotInInt32(node, input.quantization, weight, grid)
  if (tooLarge) return tooLarge
  const end = endOf(node)
  if (!end) return 'no range of its output is known, or it is an output of the model'
  return { node, input, weight, bias, ...end }
}

/** Where a node's result is requantized. */
function endOf(node: Node): Pick<Candidate, 'output' | 'activation'> | undefined {
  if (node.output.isOutput) return undefined
  if (node.output.quantization?.kind === 'integer') return { output: node.output, activation: undefined }
  const [use, ...others] = node.output.uses
  const reader = use?.node
  const grid = reader?.outputs[0]?.quantization
  if (others.length > 0 || !reader || reader.output.isOutput || grid?.kind !== 'integer') return undefined
  // Clamping to the grid does what the Relu does, where the grid starts at zero; and what Clip does, where it also ends there.
  const startsAtZero = grid.zeroPoint[0] === 0
  const top = 255 * grid.scale[0]!
  const isRelu = reader.type === 'Relu' && startsAtZero
  const limits = reader.inputs.slice(1, 3).map((value) => constantOf(value)?.toNumbers()[0])
  const isClip = reader.type === 'Clip' && startsAtZero && limits[0] === 0 && limits[1] !== undefined && top <= limits[1] * (1 + 1e-6)
  return isRelu || isClip ? { output: reader.output, activation: reader } : undefined
}

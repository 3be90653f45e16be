import type { Dim, Node } from '../../graph.ts'
import { constantOf } from '../constant.ts'
import { sameDim, sizeOf } from '../dim.ts'
import type { AxisLink, AxisPart, AxisRule, KeptIndices, NodeRewrite } from '../row.ts'
import { Tensor } from '../../tensor.ts'
import { inputAxis, outputAxis, pairs } from './link.ts'

/** A factor of fewer parts than that is too coarse to lose some, where others have more. */
const FEW = 4

/**
 * Ops that keep the order of the elements and change the dimensions. An axis that merges several, or is split into them, is freed by one of its
 * factors: the other ones stay whole. The first that is long enough has preference: whole heads, whole channels of what is flattened.
 */
export function reshapeAxes(node: Node): AxisRule {
  const [before, after] = [node.inputs[0]?.shape, node.outputs[0]?.shape]
  if (!before || !after) return { links: [] }
  const links: AxisLink[] = []
  const choices: AxisLink[][][] = []
  for (const { inputs, outputs } of aligned(before, after)) {
    if (inputs.length === 1 && outputs.length === 1) links.push(...pairs([[inputs[0]!, outputs[0]!]]))
    else if (inputs.length === 1 || outputs.length === 1) {
      const merged = inputs.length === 1 ? inputAxis(0, inputs[0]!) : outputAxis(0, outputs[0]!)
      const factors = inputs.length === 1 ? outputs.map((axis) => outputAxis(0, axis)) : inputs.map((axis) => inputAxis(0, axis))
      const lengths = factors.map(({ axis }) => (inputs.length === 1 ? after : before)[axis]!)
      if (lengths.every((length) => typeof length === 'number')) choices.push(byFactor(merged, factors, lengths))
    }
  }
  return { links, choices }
}

/** One alternative for each factor that may be free, the preferred first. */
function byFactor(merged: AxisPart, factors: readonly AxisPart[], lengths: readonly number[]): AxisLink[][] {
  const order = [...factors.keys()].filter((at) => lengths[at]! > 1)
  const coarse = (at: number): number => (lengths[at]! < FEW ? FEW - lengths[at]! : 0)
  order.sort((a, b) => coarse(a) - coarse(b) || a - b)
  return order.map((at) => {
    const stride = lengths.slice(at + 1).reduce((product, length) => product * length, 1)
    return [[{ ...merged, classOf: (index) => Math.floor(index / stride) % lengths[at]! }, factors[at]!]]
  })
}

/** As {@link reshapeAxes}, where input 1 states the output's dimensions. */
export function reshapeToAxes(node: Node): AxisRule {
  return statedBy(1, node, reshapeAxes(node))
}

/** A rule whose node reads the output's dimensions from an input: they are written anew; where that is no constant, all has to stay. */
export function statedBy(input: number, node: Node, rule: AxisRule): AxisRule {
  const target = constantOf(node.inputs[input])
  const rank = node.outputs[0]?.shape?.length
  return target && target.dims.length === 1 && target.size === rank
    ? { ...rule, rewrite: (kept) => rewriteDims(input, target, kept) }
    : { links: [] }
}

function rewriteDims(input: number, target: Tensor, kept: KeptIndices): NodeRewrite {
  const dims = target.toNumbers()
  const next = dims.map((dim, axis) => kept('output', 0, axis)?.length ?? dim)
  if (next.every((dim, axis) => dim === dims[axis])) return {}
  return { inputs: new Map([[input, Tensor.of(target.type, target.dims, next)]]) }
}

/** The least groups of neighbouring axes that hold the same elements before and after, dimensions of 1 left out; from both ends. */
export function aligned(before: readonly Dim[], after: readonly Dim[]): { inputs: number[]; outputs: number[] }[] {
  const wide = (shape: readonly Dim[]): number[] => [...shape.keys()].filter((axis) => shape[axis] !== 1)
  const [left, right] = [wide(before), wide(after)]
  const groups: { inputs: number[]; outputs: number[] }[] = []
  const dims = (shape: readonly Dim[], axes: readonly number[]): Dim => sizeOf(axes.map((axis) => shape[axis]!))
  const take = (fromEnd: boolean): boolean => {
    for (let total = 2; total <= left.length + right.length; total++)
      for (let count = Math.max(1, total - right.length); count <= Math.min(left.length, total - 1); count++) {
        const [inputs, outputs] = fromEnd
          ? [left.slice(-count), right.slice(count - total)]
          : [left.slice(0, count), right.slice(0, total - count)]
        if (!sameDim(dims(before, inputs), dims(after, outputs))) continue
        groups.push({ inputs, outputs })
        if (fromEnd) {
          left.splice(-count)
          right.splice(count - total)
        } else {
          left.splice(0, count)
          right.splice(0, total - count)
        }
        return true
      }
    return false
  }
  while (take(false));
  while (take(true));
  return groups
}

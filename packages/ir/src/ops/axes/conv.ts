import type { Node } from '../../graph.ts'
import type { AxisLink, AxisRule } from '../row.ts'
import { inputAxis, lengthOf, outputAxis } from './link.ts'

/**
 * Channels of Conv: the kernel is input 1, `[O, I/group, k...]`, the bias input 2. Of groups either all lose the channels at the same places, or whole
 * groups go; a depthwise convolution loses channel by channel.
 */
export function convAxes(node: Node): AxisRule {
  return channelsOf(node, lengthOf(node, 1, 1), perGroup(node, lengthOf(node, 1, 0)), { kernelInput: 1, kernelOutput: 0 })
}

/** The same of ConvTranspose, whose kernel is `[I, O/group, k...]`. */
export function convTransposeAxes(node: Node): AxisRule {
  return channelsOf(node, perGroup(node, lengthOf(node, 1, 0)), lengthOf(node, 1, 1), { kernelInput: 0, kernelOutput: 1 })
}

const perGroup = (node: Node, channels: number | undefined): number | undefined =>
  channels === undefined ? undefined : channels / node.int('group', 1)

/** @param inputs channels of a group. @param outputs the same. */
function channelsOf(
  node: Node,
  inputs: number | undefined,
  outputs: number | undefined,
  { kernelInput, kernelOutput }: { kernelInput: number; kernelOutput: number },
): AxisRule {
  const batch: AxisLink = [inputAxis(0, 0), outputAxis(0, 0)]
  if (!inputs || !outputs) return { links: [batch] }
  const place = (size: number) => (index: number) => index % size
  const group = (size: number) => (index: number) => Math.floor(index / size)
  const added = node.inputs[3] ? [inputAxis(3, 1, place(outputs))] : []
  const positions: AxisLink[] = [
    [inputAxis(0, 1, place(inputs)), inputAxis(1, kernelInput, place(inputs))],
    [inputAxis(1, kernelOutput, place(outputs)), inputAxis(2, 0, place(outputs)), outputAxis(0, 1, place(outputs)), ...added],
  ]
  const groups = node.int('group', 1)
  if (groups === 1) return { links: [batch, ...positions] }
  // One axis of the kernel runs over the groups.
  const [across, size] = kernelOutput === 0 ? [kernelOutput, outputs] : [kernelInput, inputs]
  const whole: AxisLink[] = [
    [
      inputAxis(0, 1, group(inputs)),
      inputAxis(1, across, group(size)),
      inputAxis(2, 0, group(outputs)),
      outputAxis(0, 1, group(outputs)),
      ...(node.inputs[3] ? [inputAxis(3, 1, group(outputs))] : []),
    ],
  ]
  const alternatives = inputs === 1 ? [whole] : groups >= inputs ? [whole, positions] : [positions, whole]
  return {
    links: [batch],
    choices: [alternatives],
    // Where channels go at the same places of each group, all groups are left.
    rewrite(kept) {
      const channels = kept('input', 0, 1)
      return channels ? { attributes: { group: new Set(channels.map(group(inputs))).size } } : {}
    },
  }
}

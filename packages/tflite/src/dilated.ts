import type { Lowering } from './lowering.ts'
import type { Op } from './op.ts'
import type { Around } from './ops/conv.ts'
import { PADDING } from './schema/tables.ts'

/**
 * Convolutions between a SPACE_TO_BATCH_ND and a BATCH_TO_SPACE_ND, which is how dilated ones are often written.
 * @returns what each such convolution is together with the two, and the two.
 */
export function dilatedConvs(ops: readonly Op[], outputs: readonly number[], l: Lowering): { heads: Map<Op, Around>; dropped: Set<Op> } {
  const heads = new Map<Op, Around>()
  const dropped = new Set<Op>()
  const readers = new Map<number, Op[]>()
  for (const op of ops) {
    for (const ref of op.inputs) readers.set(ref, [...(readers.get(ref) ?? []), op])
  }
  const onlyReader = (ref: number): Op | undefined => {
    const all = readers.get(ref) ?? []
    return all.length === 1 && !outputs.includes(ref) ? all[0] : undefined
  }
  for (const before of ops) {
    if (before.name !== 'SPACE_TO_BATCH_ND') continue
    const conv = onlyReader(before.output())
    if (!conv || !/^(DEPTHWISE_)?CONV_2D$/.test(conv.name) || conv.inputs[0] !== before.output()) continue
    const after = onlyReader(conv.output())
    if (after?.name !== 'BATCH_TO_SPACE_ND' || after.inputs[0] !== conv.output()) continue
    const around = fuse(before, conv, after, l)
    if (!around) continue
    heads.set(conv, around)
    dropped.add(before).add(after)
  }
  return { heads, dropped }
}

function fuse(before: Op, conv: Op, after: Op, l: Lowering): Around | undefined {
  const plain = ['strideH', 'strideW', 'dilationHFactor', 'dilationWFactor'].every((name) => conv.number(name) === 1)
  if (!plain || PADDING[conv.number('padding')] !== 'VALID') return undefined
  const constants = [before.input(1), before.input(2), after.input(1), after.input(2)].map((ref) => l.constant(ref)?.toNumbers())
  const [block, padding, block2, crops] = constants
  if (block?.length !== 2 || padding?.length !== 4 || crops?.length !== 4 || block.join() !== block2?.join()) return undefined
  // At a stride of 1, cutting the output is padding less. Both are [[top, bottom], [left, right]].
  const pads = [0, 2, 1, 3].map((at) => padding[at]! - crops[at]!)
  if (pads.some((pad) => pad < 0) || block.some((size) => size < 1)) return undefined
  return { input: before.input(0), output: after.output(), dilations: [block[0]!, block[1]!], pads }
}

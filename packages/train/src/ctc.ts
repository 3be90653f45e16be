import { type Graph, ModelError, Tensor, type Value, inferShapes } from '@whittle/ir'
import { Builder } from './builder.ts'

/** What stands for the logarithm of 0: no sum of true ones comes near, and differences of it are still numbers. */
const IMPOSSIBLE = -1e6

/** What a label is made into, for one sample. `S` states are `2 T + 1`: a blank, then each class and a blank behind it. */
export interface CtcTargets {
  /** int64 `[1, S]`: the class of each state; those behind the label are blanks that are never reached. */
  readonly states: Tensor
  /** float32 `[1, 1, S]`: 0 where a state may be reached from the one before the last, else {@link IMPOSSIBLE}. */
  readonly skips: Tensor
  /** float32 `[1, 1, S]`: 0 for the states that a path may end in, else {@link IMPOSSIBLE}. */
  readonly ends: Tensor
  /** float32 `[1, 1, 1]`: one over the length. */
  readonly share: Tensor
}

/** The names of the graph inputs that {@link ctcLoss} reads. */
export type CtcInputs = { readonly [Name in keyof CtcTargets]: Value }

/** How many positions of the output a label takes at least: a blank stands between equal neighbours. */
export function ctcLength(label: readonly number[]): number {
  return label.length + label.filter((item, at) => at > 0 && item === label[at - 1]).length
}

/** @param times `T`, the positions of the output; {@link ctcLength} of the label at least. */
export function ctcTargets(label: readonly number[], times: number, blank: number): CtcTargets {
  const count = 2 * times + 1
  const states = Array.from({ length: count }, (_, state) => (state % 2 === 1 ? (label[state >> 1] ?? blank) : blank))
  const mask = (allowed: (state: number) => boolean): Tensor =>
    Tensor.float32(
      [1, 1, count],
      states.map((_, state) => (allowed(state) ? 0 : IMPOSSIBLE)),
    )
  return {
    states: Tensor.int64([1, count], states),
    skips: mask((state) => state > 2 && state % 2 === 1 && state < 2 * label.length && states[state] !== states[state - 2]),
    ends: mask((state) => state === 2 * label.length || state === 2 * label.length - 1),
    share: Tensor.float32([1, 1, 1], [1 / Math.max(1, label.length)]),
  }
}

/**
 * Connectionist temporal classification (Graves et al. 2006): minus the logarithm of the chance that the output, with repetitions and then
 * blanks taken out, is the label; divided by the label's length, the mean over samples.
 * @param logits float32 `[N, T, C]`, before any softmax; T is known.
 * @returns a scalar.
 */
export function ctcLoss(graph: Graph, logits: Value, { states, skips, ends, share }: CtcInputs): Value {
  const times = logits.shape?.[1]
  if (logits.shape?.length !== 3 || typeof times !== 'number')
    throw new ModelError(
      'LOSS_SHAPE',
      `ctc: the output has the shape [${logits.shape?.join(', ') ?? '?'}], and must be [samples, positions, classes] with a known number of positions`,
    )
  const b = new Builder(graph)
  const chances = b.op('LogSoftmax', [logits], { axis: 2 })
  const everywhere = graph.addInitializer('ctc_times', Tensor.int64([1, times, 1], Array<number>(times).fill(0)))
  const own = b.op('GatherElements', [chances, b.op('Add', [b.unsqueeze(states, [1]), everywhere])], { axis: 2 })
  const steps = times === 1 ? [own] : b.nodes('Split', [own], { axis: 1, num_outputs: times }, times)
  const count = 2 * times + 1
  const starts = Array.from({ length: count }, (_, state) => (state < 2 ? 0 : IMPOSSIBLE))
  const from = (padded: Value, start: number): Value => b.op('Slice', [padded, b.ints([start]), b.ints([start + count]), b.ints([2])])
  const either = (values: Value, axes: readonly number[]): Value => b.op('ReduceLogSumExp', [values, b.ints(axes)], { keepdims: 1 })
  // The logarithms of the chances of all paths to each state: it stays, moves on, or leaves a blank out.
  let paths = b.add(steps[0]!, graph.addInitializer('ctc_starts', Tensor.float32([1, 1, count], starts)))
  for (const step of steps.slice(1)) {
    const padded = b.op('Pad', [paths, b.ints([0, 0, 2, 0, 0, 0]), b.scalar(IMPOSSIBLE)])
    paths = b.add(either(b.concat([paths, from(padded, 1), b.add(from(padded, 0), skips)], 1), [1]), step)
  }
  const each = b.mul(b.neg(either(b.add(paths, ends), [1, 2])), share)
  const { output } = graph.addNode({ op: 'ReduceMean', inputs: [each], attributes: { keepdims: 0 }, outputs: ['ctc'] })
  inferShapes(graph.model)
  return output
}

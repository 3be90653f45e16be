import type { Model, Report } from '@whittle/ir'
import type { Trained } from '../training/train.ts'

/** What training did, for a transform's report. */
export function reportOf(model: Model, trained: Trained): Report {
  const { steps, best, judged, ended, learned, frozen, skipped } = trained
  const names = new Set(learned)
  const size = [...model.graph.initializers].reduce((sum, { name, tensor }) => sum + (names.has(name) ? tensor!.size : 0), 0)
  const kept = best === steps ? '' : `; those of step ${best} are kept`
  return {
    changed:
      best === 0
        ? []
        : [
            {
              at: 'the model',
              what: `${size} numbers of ${learned.length} weights learned in ${steps} steps: the ${judged.by} went from ${figure(judged.before)} to ${figure(judged.after)}${kept}`,
            },
          ],
    skipped: [
      ...(best === 0 ? [{ at: 'the model', why: `no step of ${steps} bettered the ${judged.by} of ${figure(judged.before)}` }] : []),
      ...(ended === undefined ? [] : [{ at: `step ${steps}`, why: `training ended there: ${ended}` }]),
      ...frozen,
      ...skipped,
    ],
  }
}

const figure = (value: number): string => value.toPrecision(3)

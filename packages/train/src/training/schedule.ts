import { invalidOption } from '@whittle/ir'

export interface ScheduleOptions {
  /** `'cosine'` falls to 0 along half a wave (Loshchilov & Hutter 2017), `'linear'` along a line, `'constant'` stays. @default 'cosine' */
  schedule?: 'cosine' | 'linear' | 'constant'
  /** Share of the steps over which the rate rises from 0. @default 0.05 */
  warmup?: number
}

/** The learning rate of a step, counted from 0, as a share of the greatest. */
export function scheduleOf(owner: string, steps: number, options: ScheduleOptions): (step: number) => number {
  const { schedule = 'cosine', warmup = 0.05 } = options
  if (!['cosine', 'linear', 'constant'].includes(schedule))
    throw invalidOption(owner, 'schedule', "'cosine', 'linear' or 'constant'", schedule)
  if (!(typeof warmup === 'number' && warmup >= 0 && warmup < 1)) throw invalidOption(owner, 'warmup', 'a share in [0, 1)', warmup)
  const rising = Math.round(steps * warmup)
  return (step) => {
    if (step < rising) return (step + 1) / (rising + 1)
    const done = (step - rising) / Math.max(1, steps - rising)
    if (schedule === 'constant') return 1
    return schedule === 'linear' ? 1 - done : 0.5 * (1 + Math.cos(Math.PI * done))
  }
}

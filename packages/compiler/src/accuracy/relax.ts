import { CLUSTER_DEFAULTS } from '@whittle/cluster'
import type { Alternative } from '../directives/directive.ts'
import { rankAmount, withRankAmount } from '../factorizing.ts'

/** What one way to build a variant asks for: an import's alternative, taken back or not. */
export interface Setting {
  readonly alternative: Alternative
  /** What the outputs shall have, in dB, for which weights get more bits and nodes fall back to fp32. */
  readonly sqnr: number | undefined
  /** In directives' words, what was taken back. */
  readonly fallback: readonly string[]
}

/** One thing that can be taken back step by step, from what was written (step 0) to what costs least accuracy. */
export interface Dial {
  readonly steps: number
  /** @param sqnr of the worst output as written, in dB. */
  turn(setting: Setting, step: number, sqnr: number): Setting
}

/** Steps in dB: a bit of every weight is worth 6. */
const DECIBELS = [6, 12, 18, 24, 36]
/** Of what goes as written. */
const LESS = [0.75, 0.5, 0.25]
/** Outside of these, the SQNR as written says nothing of what is to be reached, in dB. */
const [LEAST, MOST] = [10, 60]

/** What can be taken back of an alternative: its number format first. @param calibrated whether there are samples that tell which layers matter. */
export function dialsOf(alternative: Alternative, calibrated: boolean): Dial[] {
  const dials = [formatDial(alternative, calibrated), pruneDial(alternative), channelDial(alternative), rankDial(alternative)]
  return dials.filter((dial) => dial !== undefined)
}

function formatDial({ format, options }: Alternative, calibrated: boolean): Dial | undefined {
  if (format?.bits !== undefined) return calibrated && options['quantize.allocation'] !== 'uniform' ? noiseDial : bitsDial(format.bits)
  if (format?.cluster === 'auto') return calibrated ? noiseDial : layerDial
  return format?.cluster === undefined ? undefined : clusterDial(format.cluster)
}

/** Which layers get more is told by the outputs' noise, as with `sqnr=`. */
const noiseDial: Dial = {
  steps: DECIBELS.length,
  turn(setting, step, sqnr) {
    const goal = Math.round(Math.max(setting.sqnr ?? LEAST, Math.min(MOST, sqnr))) + DECIBELS[step - 1]!
    return { ...setting, sqnr: goal, fallback: [...setting.fallback, `sqnr=${goal}`] }
  },
}

function bitsDial(bits: number): Dial {
  const choices = [5, 6, 8].filter((more) => more > bits)
  return {
    steps: choices.length + 1,
    turn(setting, step) {
      const more = choices[step - 1]
      // The format's name says it, as if it had been written so: float16 is computed in where a target can.
      const format = more === undefined ? { name: 'fp16', float16: true } : { name: `bits${more}`, bits: more }
      return changed(setting, { format }, more === undefined ? 'fp16' : `bits=${more}`)
    },
  }
}

function clusterDial(values: number): Dial {
  const choices = [values * 2, values * 4, values * 8, 256].filter(
    (more, index, all) => more <= 256 && more > values && all.indexOf(more) === index,
  )
  return {
    steps: choices.length,
    turn(setting, step) {
      const cluster = choices[step - 1]!
      return changed(setting, { format: { name: `cluster${cluster}`, cluster } }, `cluster=${cluster}`)
    },
  }
}

/** Without samples nothing is known of the outputs: what layers give gets nearer. */
const layerDial: Dial = {
  steps: DECIBELS.length,
  turn(setting, step) {
    const { options } = setting.alternative
    const layer = Number(options['cluster.layer'] ?? CLUSTER_DEFAULTS.layer) + DECIBELS[step - 1]!
    return changed(setting, { options: { ...options, 'cluster.layer': String(layer) } }, `cluster.layer=${layer}`)
  },
}

/** A pattern is what a runtime computes with, and stays. */
function pruneDial({ prune }: Alternative): Dial | undefined {
  const ratio = prune?.ratio
  if (ratio === undefined) return undefined
  return {
    steps: LESS.length,
    turn(setting, step) {
      const less = Number((ratio * LESS[step - 1]!).toPrecision(2))
      return changed(setting, { prune: { ...prune, ratio: less } }, `prune=${less}`)
    },
  }
}

/** Fewer channels go: that share of them, or of the multiply-accumulates that went. */
function channelDial({ channels }: Alternative): Dial | undefined {
  if (!channels) return undefined
  const { ratio, macs } = channels
  return {
    steps: LESS.length,
    turn(setting, step) {
      const gone = (ratio ?? 1 - macs!) * LESS[step - 1]!
      const less = Number(gone.toPrecision(2))
      if (ratio !== undefined) return changed(setting, { channels: { ...channels, ratio: less } }, `prune=${less},channel`)
      const more = Number((1 - gone).toPrecision(2))
      return changed(setting, { channels: { ...channels, macs: more } }, `macs=${more}`)
    },
  }
}

function rankDial(alternative: Alternative): Dial | undefined {
  const amount = rankAmount(alternative)
  if (!amount) return undefined
  return {
    steps: LESS.length,
    turn(setting, step) {
      const more = Number((1 - (1 - amount.share) * LESS[step - 1]!).toPrecision(3))
      return changed(setting, withRankAmount(setting.alternative, more), `${amount.name}=${more}`)
    },
  }
}

function changed(setting: Setting, change: Partial<Alternative>, words: string): Setting {
  return { ...setting, alternative: { ...setting.alternative, ...change }, fallback: [...setting.fallback, words] }
}

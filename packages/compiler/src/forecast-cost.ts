import { type Model, type Node, type Target, type Value, macsOf, opRow } from '@whittle/ir'
import { wasm } from '@whittle/targets'
import { nearestRow } from './lower/nearest-row.ts'

/** What a run on a target costs beside the work of its provider, in microseconds of `@whittle/targets`; see {@link costOf}. */
export interface ForecastCost {
  /** Of waiting for the provider in the middle of a run, and of copying to and fro. */
  readonly crossings: number
  /** Of the nodes that fall back to the CPU. */
  readonly cpu: number
  /** Of all nodes on wasm; null where it cannot be told: sizes are free, or a node's work is not in the tables. */
  readonly wasm: number | null
  /** `crossings` and `cpu` as a ratio to `wasm`. From 1 on the target is slower than wasm, even if its provider took no time at all. */
  readonly relative: number | null
}

/** What {@link costOf} reads of a forecast. */
interface Placed {
  /** All nodes but those that are computed when the session is made, with the sizes of a typical run. */
  readonly live: readonly Node[]
  readonly onProvider: (node: Node) => boolean
  readonly partitions: number
  readonly bytes: number
}

/** Ops with more work for an element than the tables bound, and nodes that run their graph any number of times. */
const UNBOUNDED = /^(LSTM|GRU|RNN|Einsum|Loop|Scan|GridSample|RoiAlign|NonMaxSuppression|DFT|STFT|DeformConv|TopK|Unique)$/

/** The slowest op for an element (Erf, Softmax, Resize, a pooling of nine) against a rounding, taken so high that hardly any is slower. */
const SLOWEST = 20

/**
 * What a target costs at the least, against wasm at the most: what is left in doubt speaks for the target, whose provider is taken to need no time.
 * Crossings are from the target's data, times of nodes from wasm's measured table: by the nearest row, else by their multiply-accumulates, else by
 * their elements. They are of different machines: only a large difference says something.
 * @returns undefined where nothing crosses: the provider is the CPU's.
 */
export function costOf(model: Model, { crossing }: Target, { live, onProvider, partitions, bytes }: Placed): ForecastCost | undefined {
  if (!crossing) return undefined
  const timeOf = timesOnWasm(model, live)
  // What comes after the last part takes the place of reading the model's outputs back.
  const crossings = Math.max(0, partitions - 1) * crossing.perCrossing + bytes * 1e-6 * crossing.perMillionBytes
  const all = sum(live.map(timeOf))
  const known = all !== undefined && live.length > 0
  const cpu = sum(live.filter((node) => !onProvider(node)).map(timeOf)) ?? 0
  return {
    crossings: rounded(crossings, 1),
    cpu: rounded(cpu, 1),
    wasm: known ? rounded(all, 1) : null,
    relative: known ? rounded((crossings + cpu) / all, 3) : null,
  }
}

/** Microseconds of a node on wasm; undefined where they cannot be told. */
function timesOnWasm(model: Model, live: readonly Node[]): (node: Node) => number | undefined {
  const { rows, quantizePerMillion } = wasm.cost!
  const { byNode } = macsOf(model)
  const perMac = Math.max(...rows.map((row) => row.fp32 / (row.inputChannels * row.outputChannels * row.positions * product(row.kernel))))
  const least = Math.min(...rows.map(({ fp32 }) => fp32))
  const sizes = live.flatMap(({ inputs, outputs }) => [...inputs, ...outputs].flatMap((value) => elementsOf(value) ?? []))
  const largest = sizes.reduce((most, size) => Math.max(most, size), 1)
  return (node) => {
    const row = opRow(node)
    if (!row || UNBOUNDED.test(node.op)) return undefined
    if (row.macs) {
      const macs = byNode.get(node)
      if (macs === undefined) return undefined
      const shape = node.output.shape
      const fixed = shape?.every((dim): dim is number => typeof dim === 'number') ? shape : undefined
      const near = nearestRow(node, fixed, rows)
      return Math.max(least, near ? near.row.fp32 * near.scale : macs * perMac)
    }
    // One whose size is not known is as large as any.
    const elements = Math.max(...[...node.inputs, ...node.outputs].map((value) => (value ? (elementsOf(value) ?? largest) : 0)))
    return Math.max(least, elements * SLOWEST * quantizePerMillion * 1e-6)
  }
}

function elementsOf(value: Value | undefined): number | undefined {
  const shape = value?.shape
  return shape?.every((dim): dim is number => typeof dim === 'number') ? product(shape) : undefined
}

function sum(times: readonly (number | undefined)[]): number | undefined {
  return times.reduce((total, time) => (total === undefined || time === undefined ? undefined : total + time), 0)
}

function product(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a * b, 1)
}

function rounded(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}

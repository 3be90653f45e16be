/** Rows of weights as codes of levels that they share, times a scale for each row. */
export interface Coded {
  /** Ascending. */
  readonly levels: Float32Array
  /** One a row; all 1 where rows have none of their own. */
  readonly scale: Float32Array
  /** For each row, which level each of its weights has. */
  readonly codes: readonly Uint8Array[]
  /** For each row, the squared error of its output; of the weights themselves where nothing is known of the inputs. */
  readonly errors: Float64Array
}

/** How the weights of a tensor share values. */
export interface Sharing {
  /** How many values there are at most. */
  readonly count: number
  /** Whether each row has a scale of its own. */
  readonly scaled: boolean
}

/** The weights of a row. */
export function valuesOf({ levels, scale, codes }: Coded, row: number): Float32Array {
  const step = scale[row]!
  return Float32Array.from(codes[row]!, (code) => levels[code]! * step)
}

/** Whether 0 has to be a level: zeros, which pruning leaves, stay zeros. */
export function hasZeros(rows: readonly Float32Array[]): boolean {
  return rows.some((row) => row.includes(0))
}

/** The same codebook with its levels in ascending order. */
export function sortLevels(levels: Float64Array, codes: readonly Uint8Array[]): { levels: Float64Array; codes: Uint8Array[] } {
  const order = [...levels.keys()].sort((a, b) => levels[a]! - levels[b]!)
  const places = new Uint8Array(levels.length)
  order.forEach((level, place) => (places[level] = place))
  return { levels: Float64Array.from(order, (level) => levels[level]!), codes: codes.map((row) => row.map((code) => places[code]!)) }
}

/** Levels in ascending order, each once and only those that come. */
export function ordered({ levels, scale, codes, errors }: Coded): Coded {
  const used = new Set<number>()
  for (const row of codes) for (const code of row) used.add(levels[code]!)
  const sorted = Float32Array.from(used).sort()
  const places = new Map([...sorted].map((level, at) => [level, at]))
  const moved = Uint8Array.from(levels, (level) => places.get(level) ?? 0)
  return { levels: sorted, scale, codes: codes.map((row) => row.map((code) => moved[code]!)), errors }
}

/** What `npm run bench` hands to the default export of `src/NAME.ts`. */
export interface BenchOptions {
  /** Measure other tools beside Whittle, where they are installed. */
  readonly peers: boolean
  /** What to measure, of what the bench can; empty: everything. Rows of other tasks stay in `results/NAME.csv`. */
  readonly only: readonly string[]
  /** Evaluation samples, where a task's own number is not wanted. */
  readonly samples?: number
  /** Progress, for whoever waits; stdout belongs to the result. */
  log(line: string): void
}

/** One row of the table, of `results/NAME.csv` and of `rows` in `--json`. A speed is a ratio to fp32 in the same run. */
export type Row = Readonly<Record<string, string | number | null>>

/** The default export of `src/NAME.ts`. */
export type Bench = (options: BenchOptions) => Promise<Row[]>

/** Symbols in row-major order over `outer` x `rows` x `inner`; a column is a place in `outer` x `inner`. */
export interface Grid {
  readonly outer: number
  readonly rows: number
  readonly inner: number
}

/** The grid whose rows are the indices of an axis; without one, the first axis that is longer than 1. */
export function gridOf(
  dims: readonly number[],
  axis = Math.max(
    0,
    dims.findIndex((dim) => dim > 1),
  ),
): Grid {
  // prettier-ignore
  const product = (part: readonly number[]): number => part.reduce((all, dim) => all * dim, 1)
  return { outer: product(dims.slice(0, axis)), rows: dims[axis] ?? 1, inner: product(dims.slice(axis + 1)) }
}

/** Calls back for every symbol, with its row and its column, in order. */
export function forEachPlace({ outer, rows, inner }: Grid, visit: (index: number, row: number, column: number) => void): void {
  for (let o = 0, index = 0; o < outer; o++)
    for (let row = 0; row < rows; row++) for (let k = 0; k < inner; k++) visit(index++, row, o * inner + k)
}

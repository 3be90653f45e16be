/** A dense matrix, row-major, in double precision. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly data: Float64Array
}

export function matrixOf(rows: number, columns: number, data: Float64Array = new Float64Array(rows * columns)): Matrix {
  return { rows, columns, data }
}

/** `A B`. What is zero in A takes no time, so that A may be sparse. */
export function multiply(a: Matrix, b: Matrix): Matrix {
  const result = matrixOf(a.rows, b.columns)
  for (let i = 0; i < a.rows; i++) {
    const row = result.data.subarray(i * b.columns, (i + 1) * b.columns)
    for (let k = 0; k < a.columns; k++) {
      const item = a.data[i * a.columns + k]!
      if (item === 0) continue
      const from = k * b.columns
      for (let j = 0; j < row.length; j++) row[j]! += item * b.data[from + j]!
    }
  }
  return result
}

/** `A B^T`: the products of rows with rows. */
export function multiplyTransposed(a: Matrix, b: Matrix): Matrix {
  const result = matrixOf(a.rows, b.rows)
  for (let i = 0; i < a.rows; i++) for (let j = 0; j < b.rows; j++) result.data[i * b.rows + j] = dot(a, i, b, j)
  return result
}

/** `A B^T` where it is known to be symmetric. */
export function symmetricProduct(a: Matrix, b: Matrix): Matrix {
  const result = matrixOf(a.rows, a.rows)
  for (let i = 0; i < a.rows; i++) for (let j = 0; j <= i; j++) result.data[i * a.rows + j] = result.data[j * a.rows + i] = dot(a, i, b, j)
  return result
}

export function transpose({ rows, columns, data }: Matrix): Matrix {
  const result = matrixOf(columns, rows)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) result.data[j * rows + i] = data[i * columns + j]!
  return result
}

/** The first rows. */
export function head({ columns, data }: Matrix, rows: number): Matrix {
  return matrixOf(rows, columns, data.subarray(0, rows * columns))
}

function dot(a: Matrix, i: number, b: Matrix, j: number): number {
  const [from, to, n] = [i * a.columns, j * b.columns, a.columns]
  let [first, second, third, fourth] = [0, 0, 0, 0]
  let k = 0
  // Four sums that do not wait for one another.
  for (; k + 3 < n; k += 4) {
    first += a.data[from + k]! * b.data[to + k]!
    second += a.data[from + k + 1]! * b.data[to + k + 1]!
    third += a.data[from + k + 2]! * b.data[to + k + 2]!
    fourth += a.data[from + k + 3]! * b.data[to + k + 3]!
  }
  for (; k < n; k++) first += a.data[from + k]! * b.data[to + k]!
  return first + second + third + fourth
}

import { type Context, type Dataset, type Model, createRandom, silentLogger } from '@whittle/ir'
import { nativeEngine, portsOf, randomDataset } from '@whittle/engine'
import { runModel } from '@whittle/testing'

export const engine = nativeEngine({ threads: 1 })

/** Random samples for a model; free dimensions other than the first are 6. */
export const samplesOf = (model: Model, count = 4, seed = 'calibration'): Dataset =>
  randomDataset(portsOf(model).inputs, count, seed, { dims: {} })

export const context = (more: Partial<Context> = {}): Context => ({ logger: silentLogger, random: createRandom('test'), engine, ...more })

export { datasetOf, randomSpd } from '@whittle/testing'

/** Zeros of an initializer. */
export function zerosOf(model: Model, name: string): number {
  const value = [...model.initializers()].find((other) => other.name === name)
  if (!value) throw new Error(`no initializer ${name}`)
  return value.tensor!.toNumbers().filter((item) => item === 0).length
}

/** The relative squared error of a compressed model's outputs over a dataset. */
export async function errorOf(before: Model, after: Model, dataset: Dataset): Promise<number> {
  let [signal, noise] = [0, 0]
  for await (const { inputs } of dataset.samples()) {
    const [expected, actual] = [await runModel(before, inputs), await runModel(after, inputs)]
    for (const [name, tensor] of Object.entries(expected)) {
      const [a, b] = [tensor.toNumbers(), actual[name]!.toNumbers()]
      a.forEach((item, index) => {
        signal += item ** 2
        noise += (item - b[index]!) ** 2
      })
    }
  }
  return noise / signal
}

/** Least squares by Gauss-Jordan elimination with pivoting: solves `a x = b` for square `a`. */
export function solveByElimination(a: number[][], b: number[]): number[] {
  const n = b.length
  const rows = a.map((row, index) => [...row, b[index]!])
  for (let column = 0; column < n; column++) {
    let pivot = column
    for (let row = column; row < n; row++) if (Math.abs(rows[row]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = row
    ;[rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!]
    for (let row = 0; row < n; row++) {
      if (row === column) continue
      const factor = rows[row]![column]! / rows[column]![column]!
      for (let k = column; k <= n; k++) rows[row]![k]! -= factor * rows[column]![k]!
    }
  }
  return rows.map((row, index) => row[n]! / row[index]!)
}

/** The kept weights that change `H`-weighted output least, and what the change costs. */
export function leastSquares(row: ArrayLike<number>, matrix: Float64Array, removed: ReadonlySet<number>): { row: number[]; cost: number } {
  const n = row.length
  const kept = Array.from({ length: n }, (_, index) => index).filter((index) => !removed.has(index))
  const a = kept.map((i) => kept.map((j) => matrix[i * n + j]!))
  const b = kept.map((i) => Array.from(row).reduce((sum, item, j) => sum + matrix[i * n + j]! * item, 0))
  const solved = solveByElimination(a, b)
  const result = Array.from({ length: n }, () => 0)
  kept.forEach((index, at) => (result[index] = solved[at]!))
  const change = result.map((item, index) => item - row[index]!)
  let cost = 0
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) cost += change[i]! * matrix[i * n + j]! * change[j]!
  return { row: result, cost }
}

/** The covariance of neighbours that resemble each other: `0.6 ** |i - j|`. */
export const neighbours = (size: number): Float64Array =>
  Float64Array.from({ length: size * size }, (_, at) => 0.6 ** Math.abs(Math.floor(at / size) - (at % size)))

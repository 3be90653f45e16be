import { type Gram, aboutZero, cholesky, rowsOf, solveCholesky, takesBias } from '@whittle/statistics'
import { inputsOf } from '@whittle/statistics'
import type { Component } from './dependencies.ts'
import type { KernelAxis } from './kernel-axes.ts'

/** Layers of more inputs are judged by what a channel gives, not by what the others could not make up for: the inverse costs the cube. */
const LARGEST_INVERSE = 1152

interface Group {
  readonly rows: readonly Float64Array[]
  /** size x size: the inverse moments of the inputs that are left, or the moments themselves where `makesUp` is false. */
  readonly matrix: Float64Array
}

/** A layer that reads channels, as it is while they go one by one and the others make up for them. */
export class Reader {
  readonly #axis: KernelAxis['axis']
  readonly #size: number
  readonly #taps: number
  readonly #groups: readonly Group[]
  readonly #makesUp: boolean
  /** Of the outputs, summed over the rows. */
  readonly #power: number
  /** Losses that stay as they are, where nothing makes up for what goes. */
  readonly #fixed = new Map<Component, number>()

  /** @param grams of what the layer's kernel is multiplied with, one for each group. */
  constructor({ weight, axis }: KernelAxis, grams: readonly Gram[]) {
    const rows = rowsOf(weight).map((row) => Float64Array.from(row))
    const perGroup = rows.length / grams.length
    const centered = takesBias(weight.node)
    this.#axis = axis
    this.#size = grams[0]!.size
    this.#taps = this.#size / axis.length
    this.#makesUp = this.#size <= LARGEST_INVERSE
    let power = 0
    this.#groups = grams.map((gram, at) => {
      const own = rows.slice(at * perGroup, (at + 1) * perGroup)
      const moments = centered ? gram.covariance : aboutZero(gram)
      for (const row of own) power += quadratic(row, moments, gram.size)
      return { rows: own, matrix: this.#makesUp ? inputsOf(gram, centered).inverse.slice() : moments }
    })
    this.#power = power || 1
  }

  /** The squared error that a component's removal adds to the outputs, as a share of their power. */
  loss(component: Component): number {
    const known = this.#fixed.get(component)
    if (known !== undefined) return known
    const places = this.#places(component)
    let sum = 0
    for (const { rows, matrix } of this.#groups) {
      const block = this.#block(matrix, places)
      const factor = this.#makesUp ? cholesky(block, places.length) : undefined
      for (const row of rows) sum += this.#lossOfRow(row, places, block, factor)
    }
    const loss = Math.max(0, sum / this.#power)
    if (!this.#makesUp) this.#fixed.set(component, loss)
    return loss
  }

  #lossOfRow(row: Float64Array, places: readonly number[], block: Float64Array, factor: Float64Array | undefined): number {
    const n = places.length
    const [first] = places
    if (n === 1) return this.#makesUp ? row[first!]! ** 2 / block[0]! : row[first!]! ** 2 * block[0]!
    const own = Float64Array.from(places, (place) => row[place]!)
    if (!this.#makesUp) return quadratic(own, block, n)
    if (!factor) return Infinity
    const solved = own.slice()
    solveCholesky(factor, n, solved)
    return own.reduce((sum, item, at) => sum + item * solved[at]!, 0)
  }

  /** Takes a component away: the others make up for it (Kurtic et al. 2022, equations 4 and 6). */
  remove(component: Component): void {
    if (!this.#makesUp) return
    const [places, size] = [this.#places(component), this.#size]
    const n = places.length
    for (const { rows, matrix } of this.#groups) {
      const factor = cholesky(this.#block(matrix, places), n)
      if (!factor) continue
      const before = places.map((place) => matrix.slice(place * size, (place + 1) * size))
      // [H^-1]_SS^-1 times the rows of H^-1 at S.
      const pulls = places.map((_, at) => {
        const unit = new Float64Array(n)
        unit[at] = 1
        solveCholesky(factor, n, unit)
        const pull = new Float64Array(size)
        unit.forEach((share, from) => before[from]!.forEach((item, column) => (pull[column]! += share * item)))
        return pull
      })
      for (const row of rows) {
        const own = places.map((place) => row[place]!)
        pulls.forEach((pull, at) => addTo(row, 0, pull, -own[at]!))
        for (const place of places) row[place] = 0
      }
      for (let line = 0; line < size; line++) pulls.forEach((pull, at) => addTo(matrix, line * size, pull, -before[at]![line]!))
    }
  }

  /** Where a row has the component's inputs. */
  #places({ indices }: Component): number[] {
    return indices.get(this.#axis)!.flatMap((index) => Array.from({ length: this.#taps }, (_, tap) => index * this.#taps + tap))
  }

  #block(matrix: Float64Array, places: readonly number[]): Float64Array {
    const n = places.length
    return Float64Array.from({ length: n * n }, (_, at) => matrix[places[Math.floor(at / n)]! * this.#size + places[at % n]!]!)
  }
}

/** Adds `factor` times a vector to what begins at `from`. */
function addTo(target: Float64Array, from: number, vector: Float64Array, factor: number): void {
  if (factor !== 0) for (let at = 0; at < vector.length; at++) target[from + at]! += factor * vector[at]!
}

function quadratic(row: Float64Array, matrix: Float64Array, size: number): number {
  let sum = 0
  for (let i = 0; i < size; i++) {
    if (row[i] === 0) continue
    let inner = 0
    for (let j = 0; j < size; j++) inner += matrix[i * size + j]! * row[j]!
    sum += row[i]! * inner
  }
  return sum
}

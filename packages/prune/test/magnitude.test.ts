import { createRandom } from '@whittle/ir'
import { magnitudeMask } from '@whittle/prune'
import { expect, test } from 'vitest'

/** Sorts everything, NaN last, equal magnitudes in order. */
function bySorting(tensors: readonly Float32Array[], count: number): number[][] {
  const all = tensors.flatMap((tensor, at) =>
    Array.from(tensor, (value, index) => ({ at, index, size: Number.isNaN(value) ? Infinity : Math.abs(value), nan: Number.isNaN(value) })),
  )
  const sorted = all
    .map((item, order) => ({ ...item, order }))
    .sort((a, b) => (a.size === b.size ? Number(a.nan) - Number(b.nan) || a.order - b.order : a.size - b.size))
  const masks = tensors.map((tensor) => Array.from(tensor, () => 0))
  for (const { at, index } of sorted.slice(0, Math.max(0, count))) masks[at]![index] = 1
  return masks
}

const plain = (masks: Uint8Array[]): number[][] => masks.map((mask) => Array.from(mask))

test('marks what sorting marks, with ties, NaN, infinities, negative and tiny numbers, over several tensors', () => {
  const random = createRandom('magnitude')
  const values = [0, -0, 1, -1, 0.5, NaN, Infinity, -Infinity, 1e-45, -1e-45, 3e38]
  for (let round = 0; round < 300; round++) {
    const tensors = Array.from({ length: 1 + random.integer(3) }, () =>
      Float32Array.from({ length: random.integer(12) }, () =>
        random.next() < 0.5 ? values[random.integer(values.length)]! : Math.fround(random.normal()),
      ),
    )
    const total = tensors.reduce((sum, tensor) => sum + tensor.length, 0)
    const count = random.integer(total + 2)
    expect(plain(magnitudeMask(tensors, count)), `round ${round}`).toEqual(bySorting(tensors, count))
  }
})

test('equal magnitudes are taken in order, zeros of both signs alike', () => {
  expect(plain(magnitudeMask([Float32Array.of(2, -2, 2), Float32Array.of(-2)], 2))).toEqual([[1, 1, 0], [0]])
  expect(plain(magnitudeMask([Float32Array.of(0, -0, 0, 1)], 2))).toEqual([[1, 1, 0, 0]])
})

test('NaN is the last to go', () => {
  expect(plain(magnitudeMask([Float32Array.of(NaN, Infinity, 1)], 2))).toEqual([[0, 1, 1]])
})

test('a count of 0 or less marks nothing, one beyond the end all', () => {
  expect(plain(magnitudeMask([Float32Array.of(1, 2)], 0))).toEqual([[0, 0]])
  expect(plain(magnitudeMask([Float32Array.of(1, 2)], -1))).toEqual([[0, 0]])
  expect(plain(magnitudeMask([Float32Array.of(1, 2)], 9))).toEqual([[1, 1]])
  expect(plain(magnitudeMask([], 3))).toEqual([])
})

test('reads a view that does not start at the beginning of its memory', () => {
  const memory = Float32Array.of(9, 1, 5, 2)
  expect(plain(magnitudeMask([memory.subarray(1)], 2))).toEqual([[1, 0, 1]])
})

import { createRandom } from '@whittle/ir'
import { patternMask } from '@whittle/prune'
import { expect, test } from 'vitest'

test('of every whole group along the axis the n least go, in any shape, and the rest of the axis stays', () => {
  const random = createRandom('pattern')
  for (let round = 0; round < 100; round++) {
    const shape = { outer: 1 + random.integer(3), axis: 1 + random.integer(11), inner: 1 + random.integer(4) }
    const m = 2 + random.integer(4)
    const n = 1 + random.integer(m - 1)
    const size = shape.outer * shape.axis * shape.inner
    const data = Float32Array.from({ length: size }, () => random.integer(5) - 2)
    const mask = patternMask(data, shape, n, m)
    const at = (o: number, k: number, i: number): number => (o * shape.axis + k) * shape.inner + i
    for (let o = 0; o < shape.outer; o++)
      for (let i = 0; i < shape.inner; i++)
        for (let k = 0; k < shape.axis; k++) {
          const start = k - (k % m)
          if (start + m > shape.axis) expect(mask[at(o, k, i)]).toBe(0)
          else {
            const own = Math.abs(data[at(o, k, i)]!)
            // Its rank: how many of its group come before it.
            const before = Array.from({ length: m }, (_, step) => start + step).filter((other) => {
              const size = Math.abs(data[at(o, other, i)]!)
              return size < own || (size === own && other < k)
            })
            expect(mask[at(o, k, i)], `${JSON.stringify({ ...shape, n, m, o, k, i })}`).toBe(before.length < n ? 1 : 0)
          }
        }
  }
})

test('2:4 on one row', () => {
  expect(Array.from(patternMask(Float32Array.of(3, -1, 2, 0, 5, 5, 5, 5, 1), { outer: 1, axis: 9, inner: 1 }, 2, 4))).toEqual([
    0, 1, 0, 1, 1, 1, 0, 0, 0,
  ])
})

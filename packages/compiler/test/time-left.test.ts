import { expect, it } from 'vitest'
import { TimeLeft } from '../src/time-left.ts'

it('tells what is left of a step at the speed that it has had', () => {
  let now = 0
  const left = new TimeLeft(() => now)
  const at = (time: number, step: string, done: number, total?: number): number | undefined => {
    now = time
    return left.of({ step, variant: 'int8-wasm', done, total })
  }
  expect(at(0, 'distill', 0, 100)).toBeUndefined()
  expect(at(1000, 'distill', 10, 100)).toBeUndefined()
  expect(at(5000, 'distill', 10, 100)).toBe(45)
  expect(at(20_000, 'distill', 10, 100)).toBe(180)
  expect(at(50_000, 'distill', 100, 100)).toBeUndefined()
  // Another step starts anew, and what was done before it began is none of its speed.
  expect(at(60_000, 'qat', 50, 100)).toBeUndefined()
  expect(at(70_000, 'qat', 60, 100)).toBe(40)
  expect(at(71_000, 'reading', 0)).toBeUndefined()
})

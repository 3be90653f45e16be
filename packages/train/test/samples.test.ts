import { Tensor, createRandom, defineDataset } from '@whittle/ir'
import { expect, it } from 'vitest'
import { Batches, SampleSource, stacked } from '../src/training/samples.ts'

/** Samples that hold their own number, of two shapes. */
const numbered = (count: number) =>
  defineDataset({
    key: 'numbered',
    async *samples() {
      for (let at = 0; at < count; at++) yield { inputs: { x: Tensor.float32([1, 1 + (at % 2)], new Float32Array(1 + (at % 2)).fill(at)) } }
    },
  })
const open = (count: number, most?: number) => SampleSource.open('test', numbered(count), createRandom('samples'), most)
const numberOf = ({ sample }: Awaited<ReturnType<SampleSource['next']>>): number => sample.inputs.x!.toNumbers()[0]!

it('every sample comes once a round, in another order each time', async () => {
  const source = await open(20)
  const rounds: number[][] = []
  for (let round = 0; round < 2; round++) {
    const numbers: number[] = []
    for (let at = 0; at < 20; at++) numbers.push(numberOf(await source.next()))
    rounds.push(numbers)
    expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at))
  }
  expect(rounds[0]).not.toEqual(rounds[1])
})

it('what is held out is never learned from, also where the dataset is read again', async () => {
  for (const most of [undefined, 40]) {
    const source = await open(30, most)
    const out = new Set(source.holdOut(0.2).map(numberOf))
    expect(out.size).toBeGreaterThan(0)
    const seen = new Set<number>()
    for (let at = 0; at < 120; at++) seen.add(numberOf(await source.next()))
    expect([...seen].filter((number) => out.has(number))).toEqual([])
    expect(seen.size + out.size).toBe(30)
  }
})

it('batches hold samples of one shape', async () => {
  const batches = new Batches(await open(21))
  for (let at = 0; at < 12; at++) {
    const batch = await batches.next(4)
    expect(new Set(batch.map(({ sample }) => sample.inputs.x!.dims[1])).size).toBe(1)
    const { dims } = stacked(batch.map(({ sample }) => sample.inputs.x!))
    expect(dims[0]).toBe(4)
  }
})

it('fewer than two samples are refused', async () => {
  await expect(open(0)).rejects.toThrow('test: the dataset yields no samples, and training needs two at least')
  await expect(open(1)).rejects.toThrow('test: the dataset yields one sample, and training needs two at least')
})

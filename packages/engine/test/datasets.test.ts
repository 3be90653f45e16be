import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Dataset, type Sample, Tensor } from '@whittle/ir'
import { zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Port, checkSample, loadDataset, loadMetric, npzFolder, randomDataset, readNpy } from '../src/index.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'whittle-datasets-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

/** An array as NumPy writes it. */
function npy(descr: string, shape: string, data: ArrayBufferView, { version = 1, fortran = false } = {}): Uint8Array {
  const text = `{'descr': ${descr}, 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape}), }\n`
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0]
  const head = [0x93, ...Buffer.from('NUMPY'), version, 0, ...length, ...Buffer.from(text)]
  return Uint8Array.from([...head, ...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)])
}

const all = async (dataset: Dataset): Promise<Sample[]> => {
  const samples: Sample[] = []
  for await (const sample of dataset.samples()) samples.push(sample)
  return samples
}

const errorOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: Error & { code?: string }) => `${error.name} ${error.code}: ${error.message}`,
  )

describe('readNpy', () => {
  it.each([1, 2, 3])('reads version %i', (version) => {
    const tensor = readNpy(npy("'<f4'", '1, 3', Float32Array.of(1, 2.5, -3), { version }), 'a.npy')
    expect([tensor.type, tensor.dims, tensor.toNumbers()]).toEqual(['float32', [1, 3], [1, 2.5, -3]])
  })

  it.each([
    ["'<f2'", Uint16Array.of(0x3c00), 'float16', 1],
    ["'<f8'", Float64Array.of(0.1), 'float64', 0.1],
    ["'|i1'", Int8Array.of(-2), 'int8', -2],
    ["'<i2'", Int16Array.of(-300), 'int16', -300],
    ["'<i4'", Int32Array.of(-70000), 'int32', -70000],
    ["'<i8'", BigInt64Array.of(-5n), 'int64', -5],
    ["'|u1'", Uint8Array.of(200), 'uint8', 200],
    ["'<u2'", Uint16Array.of(60000), 'uint16', 60000],
    ["'<u4'", Uint32Array.of(4e9), 'uint32', 4e9],
    ["'<u8'", BigUint64Array.of(7n), 'uint64', 7],
    ["'|b1'", Uint8Array.of(1), 'bool', 1],
    ["'>i4'", Uint8Array.of(0, 0, 1, 2), 'int32', 258],
  ] as const)('reads %s', (descr, data, type, value) => {
    const tensor = readNpy(npy(descr, '1,', data), 'a.npy')
    expect([tensor.type, tensor.dims, tensor.toNumbers()]).toEqual([type, [1], [value]])
  })

  it('reads scalars and empty arrays', () => {
    expect(readNpy(npy("'<f4'", '', Float32Array.of(4)), 'a.npy').dims).toEqual([])
    expect(readNpy(npy("'<f4'", '0, 3', new Float32Array()), 'a.npy').dims).toEqual([0, 3])
  })

  it('puts column-major arrays into row-major order', () => {
    const columns = Int32Array.of(0, 10, 1, 11, 2, 12)
    expect(readNpy(npy("'<i4'", '2, 3', columns, { fortran: true }), 'a.npy').toNumbers()).toEqual([0, 1, 2, 10, 11, 12])
  })

  it.each([
    ['text', new TextEncoder().encode('not an array at all'), "a.npy: not an array in NumPy's format (.npy, version 1 to 3)"],
    ['a short file', npy("'<f4'", '1,', Float32Array.of(1)).subarray(0, 20), 'a.npy: the file ends inside its header'],
    ['objects', npy("'|O'", '1,', new Uint8Array(8)), "a.npy: arrays of '|O' cannot be read; save it as one of f2, f4"],
    ['structures', npy("[('a', '<f4')]", '1,', new Uint8Array(4)), 'a.npy: arrays of structures cannot be read'],
    ['missing bytes', npy("'<f4'", '2, 3', new Float32Array(5)), 'a.npy: float32[2, 3] needs 24 bytes, and 20 are there'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readNpy(bytes, 'a.npy')).toThrow(message)
  })
})

describe('npzFolder', () => {
  const sample = (value: number): Uint8Array =>
    zipSync({ 'x.npy': npy("'<f4'", '1, 1', Float32Array.of(value)), 'label.npy': npy("'<i8'", '', BigInt64Array.of(BigInt(value))) })

  it('gives a sample a file, in the order of names, with the label apart, again and again', async () => {
    const folder = join(root, 'npz')
    await mkdir(folder)
    await writeFile(join(folder, 'b.npz'), sample(2))
    await writeFile(join(folder, 'a.npz'), sample(1))
    await writeFile(join(folder, 'notes.txt'), 'ignored')
    const dataset = await npzFolder(folder)
    expect(dataset.length).toBe(2)
    for (let i = 0; i < 2; i++) {
      const samples = await all(dataset)
      expect(samples.map(({ inputs }) => [Object.keys(inputs), inputs.x!.toNumbers()])).toEqual([
        [['x'], [1]],
        [['x'], [2]],
      ])
      expect((samples[1]!.label as Tensor).toNumbers()).toEqual([2])
    }
    expect((await loadDataset('npz', { root })).value.key).toBe(dataset.key)
    await writeFile(join(folder, 'a.npz'), sample(3))
    expect((await npzFolder(folder)).key).not.toBe(dataset.key)
  })

  it('says what is wrong with a folder or a file', async () => {
    expect(await errorOf(npzFolder(join(root, 'nowhere')))).toMatch(
      /^DatasetError DATASET_MISSING: .*nowhere: the data folder cannot be read/,
    )
    await mkdir(join(root, 'empty'))
    expect(await errorOf(npzFolder(join(root, 'empty')))).toMatch(/empty: no \.npz files; put one in for each sample/)
    await mkdir(join(root, 'broken'))
    await writeFile(join(root, 'broken/a.npz'), 'this is no archive')
    expect(await errorOf(npzFolder(join(root, 'broken')).then(all))).toMatch(
      /^DatasetError NPZ_ARCHIVE: .*a\.npz: cannot be read as \.npz: /,
    )
    await writeFile(join(root, 'broken/a.npz'), zipSync({ 'x.npy': new TextEncoder().encode('not an array') }))
    expect(await errorOf(npzFolder(join(root, 'broken')).then(all))).toMatch(/a\.npz, array 'x': not an array in NumPy's format/)
  })
})

describe('randomDataset', () => {
  const ports: Port[] = [
    { name: 'x', elementType: 'float32', dims: ['N', 3, 'H', 'W'] },
    { name: 'ids', elementType: 'int64', dims: ['N', 4] },
    { name: 'mask', elementType: 'bool', dims: [] },
  ]

  it('fits the inputs, and depends on the seed alone', async () => {
    const dataset = randomDataset(ports, 2, 7, { dims: { W: 5 } })
    const samples = await all(dataset)
    for (const sample of samples) checkSample(sample, ports)
    expect(samples[0]!.inputs.x!.dims).toEqual([1, 3, 64, 5])
    const numbers = samples.map(({ inputs }) => inputs.x!.toNumbers())
    expect(numbers[0]).not.toEqual(numbers[1])
    expect((await all(randomDataset(ports, 2, 7, { dims: { W: 5 } }))).map(({ inputs }) => inputs.x!.toNumbers())).toEqual(numbers)
    expect((await all(randomDataset(ports, 1, 8, { dims: { W: 5 } })))[0]!.inputs.x!.toNumbers()).not.toEqual(numbers[0])
    expect(
      new Set([dataset.key, randomDataset(ports, 2, 7).key, randomDataset(ports, 2, 8).key, randomDataset(ports, 3, 7).key]).size,
    ).toBe(4)
  })

  it('draws standard normal floats', async () => {
    const [sample] = await all(randomDataset([{ name: 'x', elementType: 'float32', dims: [10000] }], 1, 1))
    const values = sample!.inputs.x!.toNumbers()
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    expect(Math.abs(mean)).toBeLessThan(0.05)
    expect(Math.abs(variance - 1)).toBeLessThan(0.05)
  })

  it('refuses inputs that it cannot fill', () => {
    expect(() => randomDataset([{ name: 's', elementType: 'string', dims: [1] }], 1, 1)).toThrow(
      "input 's' is string, for which no random data can be made",
    )
    expect(() => randomDataset([{ name: 'x', elementType: 'float32', dims: undefined }], 1, 1)).toThrow("input 'x' has no rank")
  })
})

describe('checkSample', () => {
  const ports: Port[] = [{ name: 'x', elementType: 'float32', dims: ['N', 2] }]
  it.each([
    ['a missing name', {}, "sample 3 of ./s.ts: input 'x' is missing; the model expects float32[N, 2]"],
    ['an unknown name', { y: Tensor.float32([1, 2], [1, 2]) }, "sample 3 of ./s.ts: the model has no input 'y'; its inputs are 'x'"],
    ['a wrong type', { x: Tensor.of('int8', [1, 2], [1, 2]) }, "sample 3 of ./s.ts: input 'x' is int8; the model expects float32"],
    ['a wrong rank', { x: Tensor.float32([2], [1, 2]) }, "sample 3 of ./s.ts: input 'x' has shape [2]; the model expects [N, 2]"],
    ['a wrong size', { x: Tensor.float32([1, 3], [1, 2, 3]) }, "sample 3 of ./s.ts: input 'x' has shape [1, 3]; the model expects [N, 2]"],
    ['no tensor', { x: [1, 2] as never }, "sample 3 of ./s.ts: input 'x' is not a Tensor; make one with Tensor.of('float32', dims, data)"],
  ])('says what is wrong: %s', (_, inputs, message) => {
    expect(() => checkSample({ inputs }, ports, 'sample 3 of ./s.ts')).toThrow(message)
  })

  it('says so when the sample has another form', () => {
    expect(() => checkSample({ x: 1 } as never, ports)).toThrow('sample: expected { inputs: { name: Tensor }, label? }, received { x }')
  })
})

describe('checkSample of a loaded sample', () => {
  it('names the file of the sample', async () => {
    const folder = join(root, 'named')
    await mkdir(folder)
    await writeFile(join(folder, 'word-7.npz'), zipSync({ 'x.npy': npy("'<f4'", '1, 1', Float32Array.of(1)) }))
    await writeFile(
      join(root, 'named.ts'),
      `import { Tensor } from '@whittle/ir'
      export default { key: 'k', async *samples() { yield { inputs: { x: Tensor.float32([1], [1]) } } } }`,
    )
    const ports: Port[] = [{ name: 'x', elementType: 'float32', dims: ['N', 2] }]
    const [fromFolder] = await all(await npzFolder(folder))
    expect(() => checkSample(fromFolder!, ports)).toThrow(
      `${join(folder, 'word-7.npz')}: input 'x' has shape [1, 1]; the model expects [N, 2]`,
    )
    const [fromModule] = await all((await loadDataset('named.ts', { root })).value)
    expect(() => checkSample(fromModule!, ports)).toThrow("named.ts, sample 0: input 'x' has shape [1]; the model expects [N, 2]")
  })
})

describe('loadDataset from a module', () => {
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(root, name), text)
    return name
  }
  const yielding = (value: string): string =>
    `import { defineDataset, Tensor } from '@whittle/ir'
     export default defineDataset({ key: 'v1', length: 1, async *samples() { yield { inputs: { x: ${value} } } } })`

  it('imports TypeScript with what it imports, afresh, and puts the contents into the key', async () => {
    await mkdir(join(root, 'lib'), { recursive: true })
    await write('lib/scale.mjs', 'export const scale = 2')
    await write('lib/value.ts', `import { scale } from './scale.mjs'\nexport const value = (n: number): number => n * scale`)
    await write('good.ts', `import { value } from './lib/value.ts'\n${yielding('Tensor.float32([1], [value(4)])')}`)
    const first = await loadDataset('good.ts', { root })
    expect((await all(first.value)).map((sample) => sample.inputs.x!.toNumbers())).toEqual([[8]])
    expect(first.files.map((file) => file.slice(root.length + 1)).sort()).toEqual(['good.ts', 'lib/scale.mjs', 'lib/value.ts'])
    expect((await loadDataset('good.ts', { root })).value.key).toBe(first.value.key)
    await write('lib/scale.mjs', 'export const scale = 3')
    const second = await loadDataset('good.ts', { root })
    expect((await all(second.value)).map((sample) => sample.inputs.x!.toNumbers())).toEqual([[12]])
    expect(second.value.key).not.toBe(first.value.key)
  })

  it('takes top-level await', async () => {
    await write('await.ts', `const n: number = await Promise.resolve(5)\n${yielding('Tensor.float32([1], [n])')}`)
    const { value } = await loadDataset('await.ts', { root })
    expect((await all(value))[0]!.inputs.x!.toNumbers()).toEqual([5])
  })

  it.each([
    ['missing.ts', undefined, /MODULE_MISSING: missing\.ts: there is no such file/],
    ['throws.ts', `throw new Error('no camera')`, /MODULE_THREW: throws\.ts: the module cannot be loaded: no camera$/],
    ['syntax.ts', `export default {{{`, /MODULE_THREW: syntax\.ts: the module cannot be loaded: [^\n]+$/],
    ['import.ts', `import './nothing.ts'`, /MODULE_THREW: import\.ts: the module cannot be loaded: [^\n]*nothing[^\n]*$/],
    [
      'nothing.ts',
      `export const samples = []`,
      /MODULE_EXPORT: nothing\.ts: the default export is not a Dataset; write export default defineDataset\(\{ key, samples \}\) \(it exports samples\)/,
    ],
    ['function.ts', `export default () => []`, /\(it is a function\)/],
    ['keyless.ts', `export default { samples() {} }`, /\(it is an object with samples\)/],
  ])('says what is wrong with %s', async (name, text, message) => {
    if (text !== undefined) await write(name, text)
    expect(await errorOf(loadDataset(name, { root }))).toMatch(message)
  })

  it.each([
    [
      'yields-nothing.ts',
      `export default { key: 'k', async *samples() {} }`,
      'DATASET_EMPTY: yields-nothing.ts: samples() yields nothing; a dataset needs at least one sample',
    ],
    [
      'late.ts',
      `export default { key: 'k', async *samples() { throw new Error('disk full') } }`,
      'DATASET_THREW: late.ts: samples() threw at sample 0: disk full',
    ],
    [
      'form.ts',
      `export default { key: 'k', async *samples() { yield { x: 1 } } }`,
      'SAMPLE_FORM: form.ts, sample 0: expected { inputs: { name: Tensor }, label? }',
    ],
    [
      'array.ts',
      yielding('[1, 2]'),
      "SAMPLE_FORM: array.ts, sample 0: input 'x' is not a Tensor; make one with Tensor.of(type, dims, data)",
    ],
    ['size.ts', yielding('Tensor.float32([2], [1])'), 'a tensor of float32[2] needs 8 bytes, and 4 are given'],
  ])('says what is wrong with the samples of %s', async (name, text, message) => {
    await write(name, text)
    const { value } = await loadDataset(name, { root })
    expect(await errorOf(all(value))).toContain(message)
  })

  it('loads a metric the same way', async () => {
    await write(
      'metric.ts',
      `import { defineMetric } from '@whittle/ir'
      export default defineMetric({ key: 'm', higherIsBetter: false, async evaluate() { return { value: 0.5, perSample: [0.5] } } })`,
    )
    const { value, files } = await loadMetric('metric.ts', { root })
    expect(value.higherIsBetter).toBe(false)
    expect(value.key).toMatch(/^[0-9a-f]{64}:m$/)
    expect(files).toHaveLength(1)
    expect(await errorOf(loadMetric('function.ts', { root }))).toContain(
      'the default export is not a Metric; write export default defineMetric',
    )
  })
})

import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLASSIFIER, type Whittle, folder, npz, refused, tinyModel } from './harness.ts'

let [cwd, whittle] = ['', undefined as unknown as Whittle]
beforeAll(async () => {
  ;({ cwd, whittle } = await folder())
  await writeFile(join(cwd, 'good.onnx'), tinyModel())
  await mkdir(join(cwd, 'data'))
  await writeFile(join(cwd, 'data/a.npz'), npz('x', [1, 8]))
})
afterAll(() => rm(cwd, { recursive: true, force: true }))

describe('a model', () => {
  it.each<[string, () => Promise<Uint8Array | string>, RegExp]>([
    ['empty', async () => '', /the file is empty; export or download the model again/],
    [
      'truncated',
      async () => (await readFile(CLASSIFIER)).subarray(0, 100_000),
      /the file is cut off or damaged \(100000 bytes\); export or download/,
    ],
    ['text', async () => 'Hello, this is not a model at all.\n', /the file is text, not an ONNX model; give the binary \.onnx file/],
    [
      'lfs',
      async () => `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 5\n`,
      /Git LFS pointer, not the model; run `git lfs pull`/,
    ],
    ['cycle', async () => tinyModel({ reads: 'y' }), /cycle.*product/],
    ['missing-input', async () => tinyModel({ reads: 'nothing' }), /product.*'nothing'/],
    [
      'outside',
      async () => tinyModel({ location: '../../etc/passwd' }),
      /points to '\.\.\/\.\.\/etc\/passwd', outside the model's folder; put the data beside/,
    ],
    ['no-external', async () => tinyModel({ location: 'weights.bin' }), /weights are in 'weights\.bin'.*put the file beside the model/],
    ['size', async () => tinyModel({ dims: [8, 9] }), /'w'.*288.*256|'w'.*256.*288/],
  ])('%s: each command says which file, what is wrong and what to do', async (name, content, expected) => {
    const file = `${name}.onnx`
    await writeFile(join(cwd, file), await content())
    for (const args of [
      ['compress', file, 'int8'],
      ['inspect', file],
      ['compare', 'good.onnx', file, '--data', 'data'],
    ]) {
      const message = refused(await whittle(args))
      expect(message).toContain(file)
      expect(message).toMatch(expected)
    }
  })
})

describe('directives and paths', () => {
  it.each([
    [['compress', 'nothing.onnx', 'int8'], /nothing\.onnx\?int8: there is no file/],
    [['inspect', 'nothing.onnx'], /nothing\.onnx: there is no such file/],
    [['compress', 'good.onnx', 'int9'], /good\.onnx\?int9: unknown directive 'int9': did you mean 'int8'\?/],
    [['compress', 'good.onnx', 'prun=0.3'], /unknown directive 'prun': did you mean 'prune'\?/],
    [['compress', 'good.onnx', 'prune=1.5'], /prune: expected .*, received '1\.5'/],
    [['compress', 'good.onnx', 'int8', '--target', 'wams'], /target: expected .*, received 'wams'/],
    [['compress', 'good.onnx', 'int8', '--calibrate', 'no-data'], /no-data: there is no such file/],
    [['compress', 'good.onnx', 'int8', '--calibrate', 'a&b.ts'], /the path 'a&b\.ts' holds one of & = ; \? # %/],
    [['compare', 'good.onnx', 'good.onnx', '--data', 'nowhere'], /nowhere: there is no such file/],
  ])('%j', async (args, expected) => {
    expect(refused(await whittle(args))).toMatch(expected)
  })
})

describe('data', () => {
  it.each([
    ['throws.ts', `throw new Error('no camera')`, /throws\.ts: the module cannot be loaded: no camera/],
    ['wrong.ts', `export default 5`, /wrong\.ts: the default export is not a Dataset; write export default defineDataset/],
    ['none.ts', `export default { key: 'k', async *samples() {} }`, /none\.ts: samples\(\) yields nothing/],
    [
      'late.ts',
      `export default { key: 'k', async *samples() { throw new Error('disk gone') } }`,
      /late\.ts: samples\(\) threw at sample 0: disk gone/,
    ],
    [
      'shape.ts',
      `import { Tensor } from '@whittle/ir'
       export default { key: 'k', async *samples() { yield { inputs: { x: Tensor.float32([1, 3], [1, 2, 3]) } } } }`,
      /sample 0: input 'x' has shape \[1, 3\]; the model expects \[1, 8\]/,
    ],
    [
      'name.ts',
      `import { Tensor } from '@whittle/ir'
       export default { key: 'k', async *samples() { yield { inputs: { image: Tensor.float32([1], [1]) } } } }`,
      /sample 0: the model has no input 'image'; its inputs are 'x'/,
    ],
  ])('a calibration module: %s', async (name, text, expected) => {
    await writeFile(join(cwd, name), text)
    const message = refused(await whittle(['compress', 'good.onnx', 'int8', '--calibrate', name, '--target', 'wasm']))
    expect(message).toMatch(/^good\.onnx\?int8/)
    expect(message).toMatch(expected)
  })

  it('a sample of the wrong shape in a folder: the file is named', async () => {
    await mkdir(join(cwd, 'wrong'))
    await writeFile(join(cwd, 'wrong/a.npz'), npz('x', [1, 9]))
    const message = refused(await whittle(['compare', 'good.onnx', 'good.onnx', '--data', 'wrong']))
    expect(message).toContain(`${join('wrong', 'a.npz')}: input 'x' has shape [1, 9]; the model expects [1, 8]`)
  })
})

describe('folders', () => {
  it('a folder that cannot be written', async () => {
    await writeFile(join(cwd, 'a-file'), '')
    expect(refused(await whittle(['compress', 'good.onnx', 'fp16', '--out', 'a-file']))).toMatch(
      /^cannot write into .*a-file: EEXIST.*; give another folder with --out$/,
    )
  })

  it('a cache that cannot be written costs a warning, not the result', async () => {
    const project = await folder()
    await writeFile(join(project.cwd, 'package.json'), '{}')
    // A file where the cache's folder should be.
    await writeFile(join(project.cwd, 'node_modules'), '')
    await copyFile(join(cwd, 'good.onnx'), join(project.cwd, 'good.onnx'))
    const { code, out } = await project.whittle(['compress', 'good.onnx', 'fp16'])
    expect(code).toBe(0)
    expect(out).toMatch(/^warning: the cache folder .*node_modules\/\.cache\/whittle cannot be written \(.*make it writable/m)
    await rm(project.cwd, { recursive: true })
  })
})

it('shows where an error comes from with DEBUG=whittle', async () => {
  const { code, err } = await whittle(['inspect', 'nothing.onnx'], { env: { DEBUG: 'whittle' } })
  expect(code).toBe(1)
  expect(err).toMatch(/\n {4}at /)
})

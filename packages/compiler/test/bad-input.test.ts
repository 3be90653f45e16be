import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Tensor, WhittleError } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { buildModel, models } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { compile } from '../src/index.ts'
import { project, samplesOf } from './project.ts'

/** The message of the one error that a build ends with; it is one of ours and shows no stack. */
async function messageOf(files: Parameters<typeof project>[0], query: string): Promise<string> {
  const root = await project(files)
  const error = await compile({ file: join(root, 'net.onnx'), query, root, cache: false }).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(WhittleError)
  expect((error as Error).message).not.toMatch(/\n\s+at /)
  return (error as Error).message.replaceAll(root, 'ROOT')
}

const net = models.convBnRelu()
const good = samplesOf('x', [1, 4, 6, 6])

describe('a model that cannot be read', () => {
  it.each([
    ['is missing', {}, /^net\.onnx\?int8: there is no file net\.onnx: it was moved or deleted, or the import's path is wrong$/],
    ['is empty', { 'net.onnx': '' }, /^net\.onnx\?int8: .*empty/],
    ['is cut off', { 'net.onnx': writeOnnx(net).slice(0, 700) }, /^net\.onnx\?int8: .*cut off/],
    ['is text', { 'net.onnx': 'hello, this is no model\n' }, /^net\.onnx\?int8: /],
    ['is a Git LFS pointer', { 'net.onnx': 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n' }, /git lfs pull/],
  ])('that %s', async (_, files, expected) => {
    expect(await messageOf(files as never, 'int8')).toMatch(expected)
  })
})

describe('a wrong query', () => {
  it.each([
    ['int9', "net.onnx?int9: unknown directive 'int9': did you mean 'int8'?"],
    ['prun=0.3', "net.onnx?prun=0.3: unknown directive 'prun': did you mean 'prune'?"],
  ])('%s names the import', async (query, expected) => {
    expect(await messageOf({ 'net.onnx': net }, query)).toBe(expected)
  })
})

it('a model that does not run on made-up sizes asks for samples or sizes', async () => {
  const half = buildModel((b) => {
    const rows = b.node('Reshape', [b.input('x', ['N', 3]), b.constant('shape', Tensor.int64([2], [2, -1]))])
    b.output(b.node('MatMul', [rows, b.weight('w', [6, 5])]), 'y')
  })
  expect(await messageOf({ 'net.onnx': half }, 'int8')).toMatch(
    /^net\.onnx\?int8: the model does not run on random inputs of the sizes x\[1, 3\]: give samples with calibrate=, or the sizes with input=/,
  )
})

describe('calibration samples', () => {
  const query = 'int8&calibrate=./samples.ts'
  it.each([
    ['of the wrong name', samplesOf('picture', [1, 4, 6, 6]), /^net\.onnx\?int8&calibrate=\.\/samples\.ts: samples\.ts.*(picture|'x')/],
    ['of the wrong shape', samplesOf('x', [1, 3, 6, 6]), /^net\.onnx\?.*samples\.ts.*\[1, ?3, ?6, ?6\]/],
    ['whose module throws', 'throw new Error("no camera")', /^net\.onnx\?.*samples\.ts: .*no camera/],
    ['whose iteration throws', good.replace('yield {', 'throw new Error("disk gone"); yield {'), /^net\.onnx\?.*samples\.ts.*disk gone/],
    ['that are none', good.replace('i < 8', 'i < 0'), /^net\.onnx\?.*samples\.ts.*(nothing|no sample)/],
    ['whose module exports something else', 'export default 5', /^net\.onnx\?.*samples\.ts: the default export is not a Dataset/],
  ])('%s', async (_, text, expected) => {
    expect(await messageOf({ 'net.onnx': net, 'samples.ts': text }, query)).toMatch(expected)
  })

  it('whose module is missing', async () => {
    expect(await messageOf({ 'net.onnx': net }, query)).toMatch(/^net\.onnx\?.*samples\.ts: there is no such file/)
  })
})

it('external data outside of the model’s folder is refused', async () => {
  const root = await project({})
  await mkdir(join(root, 'models'))
  // A model whose one weight is said to lie in ../secret.bin, written by hand: the writer never makes one.
  const bytes = writeOnnx(models.mlp())
  await writeFile(join(root, 'models/net.onnx'), externalTo('../secret.bin', bytes))
  await writeFile(join(root, 'secret.bin'), new Uint8Array(100_000))
  await expect(compile({ file: join(root, 'models/net.onnx'), query: 'int8', root, cache: false })).rejects.toThrow(
    /^models\/net\.onnx\?int8: .*secret\.bin.*outside/,
  )
})

/** Appends a graph with one more initializer, in external data: protobuf merges repeated fields of repeated messages. */
function externalTo(location: string, model: Uint8Array): Uint8Array {
  const field = (number: number, content: Uint8Array): number[] => [...varint((number << 3) | 2), ...varint(content.length), ...content]
  const text = (value: string): Uint8Array => new TextEncoder().encode(value)
  const entry = Uint8Array.from([...field(1, text('location')), ...field(2, text(location))])
  const tensor = Uint8Array.from([8, 4, 16, 1, ...field(8, text('outside')), ...field(13, entry), 112, 1])
  const graph = Uint8Array.from(field(5, tensor))
  return Uint8Array.from([...model, ...field(7, graph)])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128)
  return [...bytes, value]
}

it('a configuration with an unknown key names the file', async () => {
  expect(await messageOf({ 'net.onnx': net, 'whittle.config.ts': 'export default { dataset: {} }' }, 'int8')).toBe(
    "net.onnx?int8: whittle.config.ts: unknown key 'dataset'; known are defaults, presets, datasets, metrics, classes",
  )
})

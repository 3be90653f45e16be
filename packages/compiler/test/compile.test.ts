import { cp, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nativeEngine } from '@whittle/engine'
import { Tensor } from '@whittle/ir'
import { readOnnx } from '@whittle/ir/onnx'
import { buildModel, models } from '@whittle/testing'
import { describe, expect, it } from 'vitest'
import { type CompileRequest, type CompileResult, compile, summary } from '../src/index.ts'
import { sha256 } from '../src/cache.ts'
import { project, samplesOf, wideNet, wideSamples } from './project.ts'

const build = (root: string, query: string, more: Partial<CompileRequest> = {}): Promise<CompileResult> =>
  compile({ file: join(root, 'net.onnx'), query, root, cache: false, ...more })

const digests = (result: CompileResult): string[] => result.artefacts.map(({ name, sha256 }) => `${name} ${sha256}`)

describe('an import', () => {
  it('without a number format is only simplified, and its outputs stay', async () => {
    const root = await project({ 'net.onnx': models.convBnRelu() })
    const { manifest, artefacts, report } = await build(root, '')
    expect(manifest.variants.map(({ id, target, rank }) => ({ id, target, rank }))).toEqual([
      { id: 'fp32-webgpu', target: 'webgpu', rank: 20 },
      { id: 'fp32-wasm', target: 'wasm', rank: 30 },
    ])
    expect(artefacts.map(({ name }) => name)).toEqual(['net.fp32.onnx'])
    expect(report.variants[0]!.quality['y']!.sqnr ?? Infinity).toBeGreaterThan(100)
    expect(manifest.inputs).toEqual([{ name: 'x', elementType: 'float32', dims: ['N', 4, 6, 6] }])
    expect(readOnnx(artefacts[0]!.bytes).graph.nodes.map(({ type }) => type)).toEqual(['Conv', 'Relu'])
  })

  it('gets a variant for each alternative and target; equal files are one', async () => {
    const root = await project({ 'net.onnx': wideNet() })
    const { manifest, artefacts } = await build(root, 'int8;fp16&target=wasm;webgpu;webgpu-f16')
    expect(manifest.variants.map(({ id }) => id)).toEqual([
      'int8-webgpu-f16',
      'fp16-webgpu-f16',
      'int8-webgpu',
      'fp16-webgpu',
      'int8-wasm',
      'fp16-wasm',
    ])
    expect(new Set(artefacts.map(({ name }) => name))).toEqual(new Set(['net.int8.onnx', 'net.fp16.onnx', 'net.fp16-webgpu-f16.onnx']))
    const bytes = Object.fromEntries(manifest.variants.map(({ id, files }) => [id, files[0]!.bytes]))
    expect(bytes['int8-wasm']! * 3).toBeLessThan(manifest.source.bytes)
    expect(bytes['fp16-wasm']! * 1.9).toBeLessThan(manifest.source.bytes)
  })

  it('computes in int8 on wasm where samples are given and it is faster, and says so', async () => {
    const root = await project({ 'net.onnx': wideNet(), 'samples.ts': wideSamples })
    const { report, watch } = await build(root, 'int8&calibrate=./samples.ts&target=wasm;webgpu')
    const [first, second] = report.variants
    const lowered = (variant: typeof first): string[] =>
      variant!.reports
        .at(-1)!
        .changed.filter(({ what }) => what === 'computes in int8')
        .map(({ at }) => at)
    const wasm = [first, second].find((variant) => variant!.target === 'wasm')
    expect(lowered(wasm)).toHaveLength(2)
    expect(lowered([first, second].find((variant) => variant!.target === 'webgpu'))).toEqual([])
    expect(wasm!.quality['y']!.sqnr).toBeGreaterThan(25)
    expect(wasm!.samples).toEqual({ count: 8, from: 'calibration' })
    expect(watch).toContain(join(root, 'samples.ts'))
  })

  it('without samples says how to compute in int8', async () => {
    const root = await project({ 'net.onnx': wideNet() })
    const { report } = await build(root, 'int8&target=wasm')
    expect(report.variants[0]!.warnings).toEqual(['weights only: give calibrate= to compute in int8 where that is faster'])
    expect(summary([await build(root, 'int8&target=wasm')])).toContain('weights only: give calibrate=')
  })

  it('is told where its nodes run on each target, and warned where that is in many parts', async () => {
    const broken = buildModel((b) => {
      let x = b.input('x', [1, 8])
      for (let block = 0; block < 5; block++)
        x = b.node('Sigmoid', [b.node('Round', [b.node('MatMul', [x, b.weight(`w${block}`, [8, 8])])])])
      b.output(x)
    })
    const root = await project({ 'net.onnx': wideNet(), 'broken.onnx': broken })
    const whole = await build(root, 'int8&target=wasm;webgpu')
    const forecasts = whole.report.variants.map(({ target, forecast }) => [
      target,
      forecast.untested,
      forecast.nodes.cpu,
      forecast.partitions,
    ])
    expect(forecasts.sort()).toEqual([
      ['wasm', false, 0, 1],
      ['webgpu', true, 0, 1],
    ])
    const { variants } = (await build(root, 'target=wasm;webgpu', { file: join(root, 'broken.onnx') })).report
    const [onWasm, onWebgpu] = ['wasm', 'webgpu'].map((name) => variants.find(({ target }) => target === name)!)
    expect(onWasm!.warnings).toEqual([])
    expect(onWebgpu!.forecast).toMatchObject({ nodes: { provider: 10, cpu: 5 }, partitions: 6 })
    expect(onWebgpu!.warnings).toEqual([expect.stringMatching(/^5 of 15 nodes .* on webgpu, most of them Round: .* into 6 parts/)])
  })

  it('is the same to the bit when it is built again', async () => {
    const root = await project({ 'net.onnx': wideNet(), 'samples.ts': wideSamples })
    const query = 'int8&prune=0.3&calibrate=./samples.ts'
    expect(digests(await build(root, query))).toEqual(digests(await build(root, query)))
  })

  it('runs in stock onnxruntime', async () => {
    const root = await project({ 'net.onnx': wideNet() })
    const { artefacts } = await build(root, 'int8&prune=0.5&target=wasm')
    const session = await nativeEngine().open(artefacts[0]!.bytes)
    const { y } = await session.run({ x: Tensor.float32([1, 64, 8, 8], new Float32Array(64 * 64).fill(0.1)) })
    await session.dispose()
    expect(y!.dims).toEqual([1, 10])
  })

  it('takes defaults, presets and named datasets from whittle.config', async () => {
    const root = await project({
      'net.onnx': wideNet(),
      'samples.ts': wideSamples,
      'whittle.config.ts': `export default { defaults: 'target=wasm', presets: { tiny: 'int8&prune=0.5' }, datasets: { pictures: './samples.ts' } }`,
    })
    const { manifest, watch } = await build(root, 'tiny&calibrate=pictures')
    expect(manifest.variants.map(({ id }) => id)).toEqual(['int8-prune0.5-wasm'])
    expect(watch.map((file) => file.slice(root.length + 1))).toEqual(['net.onnx', 'whittle.config.ts', 'samples.ts'])
  })

  it('is pinned by input=, which targets of fixed shapes need', async () => {
    const root = await project({ 'net.onnx': models.convBnRelu() })
    await expect(build(root, 'target=webnn-cpu')).rejects.toThrow(
      "net.onnx?target=webnn-cpu: target webnn-cpu compiles for fixed shapes, and input 'x' is [N, 4, 6, 6]: pin it, for example with input=1x4x6x6",
    )
    const { manifest } = await build(root, 'target=webnn-cpu&input=1x4x6x6')
    expect(manifest.inputs[0]!.dims).toEqual([1, 4, 6, 6])
    expect(manifest.outputs[0]!.dims).toEqual([1, 8, 6, 6])
  })
})

describe('the cache', () => {
  it('gives the same result without running any of the app’s modules', async () => {
    const counting = `${samplesOf('x', [1, 4, 6, 6])}\nglobalThis.__whittleRuns = (globalThis.__whittleRuns ?? 0) + 1`
    const root = await project({ 'net.onnx': models.convBnRelu(), 'samples.ts': counting })
    const query = 'int8&calibrate=./samples.ts&target=wasm'
    const cold = await build(root, query, { cache: true })
    const runs = (globalThis as { __whittleRuns?: number }).__whittleRuns
    const warm = await build(root, query, { cache: true })
    expect([cold.cached, warm.cached]).toEqual([false, true])
    expect((globalThis as { __whittleRuns?: number }).__whittleRuns).toBe(runs)
    expect({ ...warm, cached: false, seconds: 0 }).toEqual({ ...cold, seconds: 0 })
  })

  it('is not used when the model, the samples or the configuration changed', async () => {
    const root = await project({
      'net.onnx': models.convBnRelu(),
      'samples.ts': samplesOf('x', [1, 4, 6, 6]),
      'whittle.config.ts': 'export default {}',
    })
    const query = 'int8&calibrate=./samples.ts&target=wasm'
    const isCached = async (): Promise<boolean> => (await build(root, query, { cache: true })).cached
    expect([await isCached(), await isCached()]).toEqual([false, true])
    await writeFile(join(root, 'samples.ts'), samplesOf('x', [2, 4, 6, 6]))
    expect([await isCached(), await isCached()]).toEqual([false, true])
    await writeFile(join(root, 'whittle.config.ts'), `export default { presets: { a: 'int8' } }`)
    expect([await isCached(), await isCached()]).toEqual([false, true])
    await writeFile(join(root, 'net.onnx'), (await build(await project({ 'net.onnx': models.hardSwish() }), '')).artefacts[0]!.bytes)
    expect([await isCached(), await isCached()]).toEqual([false, true])
  })

  it('is safe with two builds at once', async () => {
    const root = await project({ 'net.onnx': models.convBnRelu() })
    const results = await Promise.all([1, 2, 3].map(() => build(root, 'int8', { cache: true })))
    expect(new Set(results.map((result) => digests(result).join())).size).toBe(1)
    expect((await build(root, 'int8', { cache: true })).cached).toBe(true)
  })

  it('can be restored in another checkout', async () => {
    const files = { 'net.onnx': models.convBnRelu(), 'samples.ts': samplesOf('x', [1, 4, 6, 6]) }
    const [first, second] = [await project(files), await project(files)]
    const query = 'int8&calibrate=./samples.ts&target=wasm'
    await build(first, query, { cache: true })
    await cp(join(first, 'node_modules'), join(second, 'node_modules'), { recursive: true })
    const { cached, watch } = await build(second, query, { cache: true })
    expect(cached).toBe(true)
    expect(watch).toContain(join(second, 'samples.ts'))
  })

  it('is passed over where an artefact in it is damaged', async () => {
    const root = await project({ 'net.onnx': models.convBnRelu() })
    await build(root, 'int8', { cache: true })
    const folder = join(root, 'node_modules/.cache/whittle')
    for (const file of await readdir(folder, { recursive: true, withFileTypes: true }))
      if (file.isFile() && file.parentPath.includes('content-v2')) {
        const path = join(file.parentPath, file.name)
        const bytes = await readFile(path)
        bytes[bytes.length >> 1]! ^= 255
        await writeFile(path, bytes)
      }
    expect((await build(root, 'int8', { cache: true })).cached).toBe(false)
  })

  describe('that cannot be written costs one message, not the result', () => {
    const failing = async (root: string, cache: string): Promise<{ text: string; result: CompileResult }> => {
      const errors: string[] = []
      const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: (text: string) => void errors.push(text) }
      const result = await build(root, 'int8', { cache, logger })
      expect(errors).toHaveLength(1)
      expect(errors[0]).toMatch(
        /^net\.onnx\?int8: the cache folder .* cannot be written \(.*\), so that the next build compresses again: make it writable, free its disk, or name another/,
      )
      expect(result.artefacts).toHaveLength(1)
      expect(result.report.warnings).toHaveLength(1)
      return { text: errors[0]!, result }
    }

    it('where a file is in its place', async () => {
      const root = await project({ 'net.onnx': models.convBnRelu(), cache: 'a file in the way' })
      await failing(root, join(root, 'cache/whittle'))
    })

    it('where the folder is read-only', async () => {
      const root = await project({ 'net.onnx': models.convBnRelu() })
      // Modes do not bind root; the kernel's own file system lets nobody make a folder.
      const folder = process.getuid?.() === 0 ? '/sys' : join(root, 'locked')
      if (folder !== '/sys') await mkdir(folder, { mode: 0o555 })
      expect((await failing(root, join(folder, 'whittle'))).text).toMatch(/EPERM|EACCES|EROFS/)
    })

    it('where the disk is full', async () => {
      const root = await project({ 'net.onnx': models.convBnRelu() })
      const [artefact] = (await build(root, 'int8')).artefacts
      // The index file of the artefact's entry is a device that is always full.
      const bucket = sha256(`artefact:${artefact!.sha256}`)
      const folder = join(root, 'cache/index-v5', bucket.slice(0, 2), bucket.slice(2, 4))
      await mkdir(folder, { recursive: true })
      await symlink('/dev/full', join(folder, bucket.slice(4)))
      expect((await failing(root, join(root, 'cache'))).text).toContain('ENOSPC')
    })
  })
})

describe('a budget', () => {
  it('that does not hold fails the build with what was measured', async () => {
    const root = await project({ 'net.onnx': wideNet() })
    await expect(build(root, 'int8&max=1kB')).rejects.toThrow(
      /^net\.onnx\?int8&max=1kB: variant int8-webgpu takes \d+ bytes after brotli, and max= allows 1000: ask for/,
    )
    await expect(build(root, 'int4&sqnr=60')).rejects.toThrow(
      /^net\.onnx\?int4&sqnr=60: output 'y' of variant int4-webgpu has an SQNR of [\d.]+ dB, and sqnr= asks for 60/,
    )
  })

  it('of noise gives weights more bits where there are samples to tell which', async () => {
    const root = await project({ 'net.onnx': wideNet(), 'samples.ts': wideSamples })
    const [few, more] = [await build(root, 'int4&calibrate=./samples.ts'), await build(root, 'int4&calibrate=./samples.ts&sqnr=38')]
    const [before, after] = [few, more].map(({ report }) => report.variants[0]!)
    expect(before!.quality['y']!.sqnr).toBeLessThan(38)
    expect(after!.quality['y']!.sqnr).toBeGreaterThanOrEqual(38)
    expect(after!.brotli).toBeGreaterThan(before!.brotli)
  })

  it('that holds changes nothing', async () => {
    const root = await project({ 'net.onnx': wideNet() })
    expect(digests(await build(root, 'int8&max=1MB&sqnr=20'))).toEqual(digests(await build(root, 'int8')))
  })
})

it('stops when it is aborted', async () => {
  const root = await project({ 'net.onnx': wideNet() })
  await expect(build(root, 'int8', { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
})

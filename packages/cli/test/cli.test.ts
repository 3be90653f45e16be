import { copyFile, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLASSIFIER, type Whittle, folder, npz, refused, tinyModel } from './harness.ts'

let [cwd, whittle] = ['', undefined as unknown as Whittle]
beforeAll(async () => {
  ;({ cwd, whittle } = await folder())
  await copyFile(CLASSIFIER, join(cwd, 'direction.onnx'))
  await writeFile(join(cwd, 'tiny.onnx'), tinyModel())
  await mkdir(join(cwd, 'data'))
  for (const index of [0, 1, 2]) await writeFile(join(cwd, `data/line-${index}.npz`), npz('x', [1, 3, 48, 192], index))
})
afterAll(() => rm(cwd, { recursive: true, force: true }))

describe('whittle compress', () => {
  it('prints one object, and writes files that stock ONNX Runtime loads', async () => {
    const args = ['compress', 'direction.onnx', '?int8&prune=0.3', '--calibrate', 'data', '--target', 'wasm']
    const { code, out, err } = await whittle([...args, '--emit', 'onnx', '--out', 'dist', '--json'])
    expect([code, err]).toEqual([0, ''])
    const report = JSON.parse(out)
    expect(report.source).toEqual({ file: 'direction.onnx', bytes: (await readFile(CLASSIFIER)).byteLength, brotli: expect.any(Number) })
    expect(report.variants).toHaveLength(1)
    const [variant] = report.variants
    expect(variant).toMatchObject({ target: 'wasm', bytes: expect.any(Number), brotli: expect.any(Number), seconds: expect.any(Number) })
    expect(variant.recipe.map(({ step }: { step: string }) => step)).toEqual(expect.arrayContaining(['simplify', 'prune', 'quantize']))
    expect(variant.brotli).toBeLessThan(0.35 * report.source.brotli)
    expect(variant.samples).toEqual({ count: 3, from: 'calibration' })
    expect(variant.quality).toEqual({ 'softmax_0.tmp_0': { sqnr: expect.any(Number), cosine: expect.any(Number) } })
    expect(variant.changed[0]).toEqual({ step: expect.any(String), at: expect.any(String), what: expect.any(String) })
    for (const entry of variant.skipped)
      expect(entry).toEqual({ step: expect.any(String), at: expect.any(String), why: expect.any(String) })
    expect(variant.files).toHaveLength(1)
    expect((await readdir(join(cwd, 'dist'))).map((name) => join('dist', name))).toEqual(variant.files)
    const bytes = await readFile(join(cwd, variant.files[0]))
    expect(bytes.byteLength).toBe(variant.bytes)
    const session = await ort.InferenceSession.create(bytes)
    const outputs = await session.run({ x: new ort.Tensor('float32', new Float32Array(3 * 48 * 192), [1, 3, 48, 192]) })
    expect(outputs['softmax_0.tmp_0']!.dims).toEqual([1, 2])
  })

  it('prints a table with fp32 beside each variant, what was left alone, and that nothing was written', async () => {
    const { code, out } = await whittle(['compress', 'direction.onnx', 'int8;fp16', '--target', 'wasm,webgpu'])
    expect(code).toBe(0)
    const lines = out.split('\n')
    expect(lines[0]).toMatch(/^variant +target +bytes +brotli +of fp32 +worst SQNR$/)
    expect(lines[1]).toMatch(/^fp32 +\(source\) +\d+\.\d kB +\d+\.\d kB +100\.0 %$/)
    expect(lines.slice(2, 6).map((line) => line.split(/\s+/)[1])).toEqual(['wasm', 'webgpu', 'wasm', 'webgpu'])
    for (const line of lines.slice(2, 6)) expect(line).toMatch(/ kB +\d+\.\d kB +\d+\.\d % +(\d+\.\d dB|exact)$/)
    expect(out).toContain('random samples; give real ones with --calibrate')
    // Reasons that differ in their numbers only are one line.
    expect(out.match(/^quantize left alone .* elements, fewer than/gm)).toHaveLength(1)
    expect(out).toMatch(/^quantize left alone .* and \d+ more: only \d+ to \d+ elements, fewer than/m)
    expect(out).toContain('warning: weights only: give calibrate=')
    expect(out).toContain('Nothing was written; --emit onnx writes each variant as an .onnx file.')
    expect(out).not.toContain('\x1b')
    expect(await readdir(cwd)).not.toContain('node_modules')
  })

  it('tells the accuracy on samples of evaluate=, in the table and as JSON', async () => {
    const args = ['compress', 'direction.onnx', 'int8&evaluate=./data', '--target', 'wasm']
    const [text, json] = [await whittle(args), await whittle([...args, '--json'])]
    expect(text.out).toContain('SQNR over 3 evaluation samples.')
    expect(text.out).toMatch(
      /^int8-wasm: top-1 agreement with the original 1, original 1: 0\.00 points \(95 %: -56\.15 to \+56\.15\) on 3 samples\.$/m,
    )
    expect(JSON.parse(json.out).variants[0].accuracy).toMatchObject({ original: 1, variant: 1, difference: 0, samples: 3 })
  })

  it('writes into the working directory by default', async () => {
    const before = await readdir(cwd)
    const { out } = await whittle(['compress', 'tiny.onnx', 'fp16', '--target', 'wasm', '--emit', 'onnx'])
    const added = (await readdir(cwd)).filter((name) => !before.includes(name))
    expect(added).toHaveLength(1)
    expect(out).toContain(`Wrote ${added[0]}.`)
    await rm(join(cwd, added[0]!))
  })

  it('shows progress on a terminal only, and wipes it', async () => {
    expect((await whittle(['compress', 'tiny.onnx', 'fp16'])).err).toBe('')
    const { err } = await whittle(['compress', 'tiny.onnx', 'fp16'], { tty: true })
    expect(err).toContain('\r\x1b[2Kreading')
    expect(err.endsWith('\r\x1b[2K')).toBe(true)
  })

  it('uses colours when they are asked for', async () => {
    expect((await whittle(['compress', 'tiny.onnx', 'fp16'], { env: { FORCE_COLOR: '1' } })).out).toContain('\x1b[1m')
  })

  it('never replaces the source, also through a link', async () => {
    const args = ['compress', 'tiny.onnx', 'fp16', '--target', 'wasm', '--json', '--out']
    const [path] = JSON.parse((await whittle([...args, 'first'])).out).variants[0].files
    const name = path.slice('first'.length + 1)
    await mkdir(join(cwd, 'clash'))
    await symlink(join(cwd, 'tiny.onnx'), join(cwd, 'clash', name))
    expect(refused(await whittle([...args, 'clash']))).toBe(
      `${join(cwd, 'clash', name)} is the source model and is never replaced; give another folder with --out`,
    )
    expect(await readFile(join(cwd, 'tiny.onnx'))).toEqual(Buffer.from(tinyModel()))
  })

  it('reads relative paths from where it was called, and uses the cache of the project', async () => {
    const project = await folder()
    await mkdir(join(project.cwd, 'models'))
    await writeFile(join(project.cwd, 'package.json'), '{}')
    await writeFile(join(project.cwd, 'models/tiny.onnx'), tinyModel())
    await mkdir(join(project.cwd, 'samples'))
    await writeFile(join(project.cwd, 'samples/a.npz'), npz('x', [1, 8]))
    const args = ['compress', 'models/tiny.onnx', 'int8&calibrate=./samples', '--target', 'wasm']
    expect((await project.whittle(args)).out).toContain('SQNR over 1 calibration samples.')
    expect((await project.whittle(args)).out).toContain('from the cache')
    expect((await project.whittle([...args, '--no-cache'])).out).not.toContain('from the cache')
    await rm(project.cwd, { recursive: true })
  })

  it('stops when it is interrupted', async () => {
    const controller = new AbortController()
    controller.abort()
    expect(await whittle(['compress', 'tiny.onnx', 'int8'], { signal: controller.signal })).toEqual({
      code: 130,
      out: '',
      err: 'whittle: interrupted\n',
    })
  })
})

describe('whittle inspect', () => {
  it('prints what is in a model', async () => {
    const { code, out } = await whittle(['inspect', 'direction.onnx'])
    expect(code).toBe(0)
    expect(out).toMatch(/^opsets +ai\.onnx 9$/m)
    expect(out).toMatch(/^input +x +float32\[.*, 3, .*\]$/m)
    expect(out).toMatch(/^Conv +53$/m)
    expect(out).toMatch(/^float32 +\d+ +[\d ]+ +\d+\.\d kB$/m)
  })

  it('prints for each target how many nodes run where, in how many parts, and what is copied', async () => {
    const { out } = await whittle(['inspect', 'direction.onnx'])
    expect(out).toMatch(/^target +nodes on it +on the CPU +sizes +folded +parts +copied in a run +waits, of wasm$/m)
    expect(out).toMatch(/^webgpu +217 +0 +3 +251 +2 +12 B +unknown$/m)
    expect(out).toMatch(/^webnn-npu +215 +0 +0 +256 +1 +0 B +unknown$/m)
    expect(out).toMatch(/^wasm +220 +0 +0 +251 +1 +0 B$/m)
    expect(out).toContain('All but wasm is forecast from the tables of onnxruntime-web, and untested.')
    const { targets } = JSON.parse((await whittle(['inspect', 'direction.onnx', '--json'])).out)
    expect(targets).toContainEqual({
      target: 'webgpu',
      untested: true,
      nodes: { provider: 217, cpu: 0, shape: 3, folded: 251 },
      partitions: 2,
      crossing: { values: 2, bytes: 12, exact: true },
      cost: { crossings: 470, cpu: expect.any(Number), wasm: null, relative: null },
      verdict: 'well',
      fallbacks: [],
      warnings: [],
    })
  })

  it('says why nodes fall back, a line a reason', async () => {
    await writeFile(join(cwd, 'rounds.onnx'), tinyModel({ op: 'Round' }))
    const { out } = await whittle(['inspect', 'rounds.onnx'])
    expect(out).toMatch(/^webgpu +1 +1 +0 +0 +1 +32 B +0.50$/m)
    expect(out).toMatch(/^webgpu-f16, webgpu: no kernel for Round \(1 node\)$/m)
  })

  it('prints one object with --json', async () => {
    const summary = JSON.parse((await whittle(['inspect', 'tiny.onnx', '--json'])).out)
    expect(summary).toMatchObject({
      file: join(cwd, 'tiny.onnx'),
      bytes: tinyModel().byteLength,
      opsets: { 'ai.onnx': 17 },
      ops: { MatMul: 1, Relu: 1 },
      parameters: 64,
      macs: 64,
    })
  })
})

describe('whittle compare', () => {
  it('compares a model with its compressed form', async () => {
    await whittle(['compress', 'direction.onnx', 'fp16', '--target', 'wasm', '--out', 'half'])
    const [half] = await readdir(join(cwd, 'half'))
    for (const engine of ['wasm', 'native']) {
      const args = ['compare', 'direction.onnx', `half/${half}`, '--data', 'data', '--engine', engine, '--json']
      const { code, out } = await whittle(args)
      expect(code).toBe(0)
      const comparison = JSON.parse(out)
      expect(comparison).toMatchObject({ a: join(cwd, 'direction.onnx'), b: join(cwd, 'half', half!), engine, samples: 3 })
      expect(comparison.outputs['softmax_0.tmp_0'].sqnr).toBeGreaterThan(40)
    }
    const { out } = await whittle(['compare', 'direction.onnx', 'direction.onnx', '--data', 'data'])
    expect(out).toMatch(/^softmax_0\.tmp_0 +exact +1\.000000 +0\.00$/m)
    expect(out).toContain('3 samples, wasm engine.')
  })
})

describe('whittle report', () => {
  it('prints the Markdown, with each import once', async () => {
    const { code, out, err } = await whittle(['report', 'tiny.onnx?fp16&target=wasm', 'tiny.onnx?target=wasm'])
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^### `tiny\.onnx\?fp16&target=wasm`$/m)
    expect(out).toMatch(/^### `tiny\.onnx\?target=wasm`$/m)
    expect(out).toMatch(/^\| `fp16-wasm` \| \d+(\.\d)? k?B \| \d+(\.\d)? k?B \| [\d.]+ % \| [\d.]+ dB \|$/m)
  })

  it('writes a page, the Markdown and JSON', async () => {
    const args = ['--html', 'report.html', '--markdown', 'report.md', '--json', 'report.json']
    const { code, out } = await whittle(['report', 'tiny.onnx?fp16&target=wasm', ...args])
    expect([code, out]).toEqual([0, 'Wrote report.html, report.md, report.json.\n'])
    const read = (name: string) => readFile(join(cwd, name), 'utf8')
    expect(await read('report.html')).toMatch(/^<!doctype html>[^]*fp16-wasm[^]*<\/html>\s*$/)
    expect(await read('report.md')).toContain('| `fp16-wasm` |')
    const report = JSON.parse(await read('report.json'))
    expect(report).toMatchObject({ format: 1, imports: [{ report: { variants: [{ id: 'fp16-wasm', target: 'wasm' }] } }] })
    expect(JSON.stringify(report)).not.toContain(cwd)
  })

  it('refuses a place that cannot be written', async () => {
    const message = refused(await whittle(['report', 'tiny.onnx?target=wasm', '--html', 'nowhere/report.html']))
    expect(message).toMatch(/^cannot write nowhere\/report\.html: ENOENT.*; give another path with --html$/)
  })
})

describe('a wrong call', () => {
  it.each([
    [[], /Usage: whittle/],
    [['squeeze'], /unknown command 'squeeze'/],
    [['compress', 'direction.onnx'], /missing required argument 'query'/],
    [['report'], /missing required argument 'import'/],
    [['compare', 'a.onnx', 'b.onnx'], /required option '--data <path>' not specified/],
    [['compare', 'a.onnx', 'b.onnx', '--data', 'd', '--engine', 'cuda'], /Allowed choices are wasm, native/],
    [['compress', 'direction.onnx', 'int8', '--emit', 'zip'], /Allowed choices are onnx/],
    [['inspect', 'direction.onnx', '--verbose'], /unknown option '--verbose'/],
  ])('%j ends with 2', async (args, expected) => {
    const { code, out, err } = await whittle(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(expected)
    if (args.length > 0) expect(err).toMatch(/^whittle: /)
  })

  it('--help and --version end with 0', async () => {
    expect(await whittle(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: '' })
    expect((await whittle(['--help'])).out).toMatch(/compress.*\n.*inspect.*\n.*compare.*\n.*report/s)
    expect((await whittle(['compress', '--help'])).out).toContain('--calibrate <path>')
  })
})

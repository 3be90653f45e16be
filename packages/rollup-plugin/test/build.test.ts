import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { build, createApp, ENTRY, html, tinyModel, type App, type Bundler } from './app.ts'

const BUNDLERS: Bundler[] = ['rollup', 'vite7', 'vite8']
const apps: App[] = []
afterEach(() => apps.splice(0).forEach((app) => app.remove()))

function app(main: string, files: Record<string, string | Uint8Array> = {}): App {
  const made = createApp({ 'index.html': html(`/${ENTRY}`), [ENTRY]: main, 'src/tiny.onnx': tinyModel(), ...files })
  apps.push(made)
  return made
}

const show = (name: string) => `globalThis.shown = [...(globalThis.shown ?? []), ${name}]\n`

describe.each(BUNDLERS)('a build with %s', (bundler) => {
  test('emits the model and the runtime files of its targets, each once, and names them in the code', async () => {
    const made = app(
      `import model from './tiny.onnx?int8&target=wasm;webgpu&runtime=onnx'
       import again from './tiny.onnx?target=webgpu;wasm&runtime=onnx&int8'
       ${show('model')}${show('again')}`,
    )
    await build(bundler, made)
    const files = made.files('dist').map((file) => path.basename(file).replace(/-[\w-]{8}(?=\.\w+$)/, ''))
    const assets = files.filter((file) => /\.(onnx|wasm|mjs)$/.test(file))
    expect(assets.filter((file) => file.endsWith('.wasm'))).toEqual(
      expect.arrayContaining(['', '.asyncify.part1', '.asyncify.part2', '.jspi'].map((build) => `ort-wasm-simd-threaded${build}.wasm`)),
    )
    expect(new Set(assets).size).toBe(assets.length)
    expect(assets.filter((file) => file.endsWith('.wasm'))).toHaveLength(4)
    expect(assets.filter((file) => file.endsWith('.mjs'))).toHaveLength(3)
    expect(assets.filter((file) => file.endsWith('.onnx'))).toHaveLength(1)
    const emitted = made.files('dist').find((file) => file.endsWith('.onnx'))!
    expect(emitted).toMatch(/^assets\/tiny\.[\w.-]+-[\w-]{8}\.onnx$/)
    const code = made
      .files('dist')
      .filter((file) => /\.js$/.test(file))
      .map((file) => made.read(`dist/${file}`))
      .join('\n')
    expect(code).toContain(path.basename(emitted))
    expect(code).not.toContain('ROLLUP_FILE_URL')
  })

  test('emits only the runtime that the targets need', async () => {
    const made = app(`import model from './tiny.onnx?target=wasm&runtime=onnx'\n${show('model')}`)
    const { warnings } = await build(bundler, made)
    const files = made.files('dist')
    expect(files.filter((file) => file.endsWith('.wasm'))).toEqual([expect.stringMatching(/^assets\/ort-wasm-simd-threaded-[\w-]+\.wasm$/)])
    expect(statSync(made.at(`dist/${files.find((file) => file.endsWith('.wasm'))}`)).size).toBeGreaterThan(10_000_000)
    // The bundler has nothing to say of onnxruntime-web: no eval, no address that it cannot resolve.
    expect(warnings).toEqual([])
  })

  test('leaves the runtime files out when the app serves them itself', async () => {
    const made = app(`import model from './tiny.onnx?target=wasm&runtime=onnx'\n${show('model')}`)
    await build(bundler, made, { runtimeBase: '/ort' })
    expect(made.files('dist').filter((file) => /\.(wasm|mjs)$/.test(file))).toEqual([])
    const code = made
      .files('dist')
      .filter((file) => /\.js$/.test(file))
      .map((file) => made.read(`dist/${file}`))
      .join('\n')
    expect(code).toContain('/ort/ort-wasm-simd-threaded.wasm')
  })

  test('gives an address, the manifest and the report where as= asks for them', async () => {
    const made = app(
      `import url from './tiny.onnx?fp16&target=wasm&runtime=onnx&as=url'
       import manifest, { urls } from './tiny.onnx?fp16&target=wasm&runtime=onnx&as=manifest'
       import report from './tiny.onnx?fp16&target=wasm&runtime=onnx&as=report'
       export { url, manifest, urls, report }
       globalThis.shown = { url, manifest, urls, report }`,
    )
    await build(bundler, made)
    // Evaluated where the file lies, as a browser would.
    const script = made.files('dist').find((file) => file.endsWith('.js'))!
    await import(pathToFileURL(made.at(`dist/${script}`)).href)
    const { url, manifest, urls, report } = (globalThis as any).shown
    expect(manifest).toMatchObject({ name: 'tiny', inputs: [{ name: 'x', elementType: 'float32', dims: ['N', 8] }] })
    expect(urls[manifest.variants[0].files[0].path]).toBe(url)
    expect(url).toMatch(/\.onnx$/)
    expect(report.variants).toHaveLength(1)
    expect(made.files('dist').filter((file) => /\.(wasm|mjs)$/.test(file))).toEqual([])
    delete (globalThis as any).shown
  })

  test('writes the exact types of the imports as written, and only when they change', async () => {
    const made = app(
      `import model from './tiny.onnx?target=wasm&runtime=onnx&int8'\nimport bare from './tiny.onnx'\n${show('model')}${show('bare')}`,
    )
    await build(bundler, made)
    const text = made.read('whittle-models.d.ts')
    expect(text).toContain(`// src/tiny.onnx\ndeclare module '*/tiny.onnx?target=wasm&runtime=onnx&int8' {`)
    expect(text).toContain(`declare module '*/tiny.onnx' {`)
    expect(text).toContain(`"x": import('@whittle/runtime').Tensor<'float32', readonly [number, 8]>`)
    const before = statSync(made.at('whittle-models.d.ts'))
    await build(bundler, made)
    expect(statSync(made.at('whittle-models.d.ts'))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs })
  })

  test('writes no types where they are turned off', async () => {
    const made = app(`import model from './tiny.onnx?target=wasm&runtime=onnx'\n${show('model')}`)
    await build(bundler, made, { types: false })
    expect(existsSync(made.at('whittle-models.d.ts'))).toBe(false)
  })

  test('divides files that a host may refuse, and names those that it cannot divide', async () => {
    const made = app(`import model from './tiny.onnx?target=wasm;webgpu&runtime=onnx'\n${show('model')}`)
    expect((await build(bundler, made)).warnings).toEqual([])
    const emitted = (ending: RegExp) =>
      made
        .files('dist')
        .filter((file) => ending.test(file))
        .map((file) => file.replace(/^.*\/([\w.-]+?)(-[\w-]{8})?(\.\w+)$/, '$1$3'))
    expect(emitted(/asyncify.*wasm$/)).toEqual(['ort-wasm-simd-threaded.asyncify.part1.wasm', 'ort-wasm-simd-threaded.asyncify.part2.wasm'])
    expect(emitted(/\.onnx$/)).toEqual(['tiny.fp32.onnx'])
    made.remove('dist')
    expect((await build(bundler, made, { maxFile: Infinity })).warnings).toEqual([])
    expect(emitted(/asyncify.*wasm$/)).toEqual(['ort-wasm-simd-threaded.asyncify.wasm'])

    const listed = app(
      `import manifest, { urls } from './tiny.onnx?target=wasm&runtime=onnx&as=manifest'\n${show('manifest')}${show('urls')}`,
    )
    expect((await build(bundler, listed, { maxFile: 1024 })).warnings).toEqual([])
    const parts = listed.files('dist').filter((file) => file.endsWith('.onnx'))
    expect(parts.length).toBeGreaterThan(1)
    const code = listed.files('dist').filter((file) => file.endsWith('.js'))
    for (const part of parts) expect(code.some((file) => listed.read(`dist/${file}`).includes(path.basename(part)))).toBe(true)

    const url = app(`import model from './tiny.onnx?target=wasm&runtime=onnx&as=url'\n${show('model')}`)
    const [warning] = (await build(bundler, url, { maxFile: 1024 })).warnings
    expect(warning).toMatch(
      /whittle: tiny\.\w+\.onnx has 0\.0 MB, and some hosts take at most 0\.0 MB a file: import the model without as=url, so that it can be divided, or with fewer bits; maxFile sets the limit$/,
    )
    await expect(build(bundler, made, { maxFile: 25 })).rejects.toThrow(
      /maxFile: expected at least 1024 bytes, received 25\n {2}imported as '\.\/tiny\.onnx/,
    )
  })

  test('ends with a table of the variants', async () => {
    const made = app(`import model from './tiny.onnx?int8&target=wasm&runtime=onnx'\n${show('model')}`)
    const { log, plugin } = await build(bundler, made)
    expect(log).toMatch(/tiny\.onnx\?int8&runtime=onnx&target=wasm/)
    expect(plugin.api.seconds).toBeGreaterThan(0)
    expect((await build(bundler, made, { summary: false })).log).not.toContain('brotli')
  })

  test('writes its report where the option says, and nowhere else', async () => {
    const made = app(`import model from './tiny.onnx?fp16&target=wasm&runtime=onnx'\n${show('model')}`)
    await build(bundler, made, { report: 'reports/models.html', summary: false })
    expect(made.read('reports/models.html')).toMatch(/^<!doctype html>[^]*tiny\.onnx\?fp16[^]*<\/html>\s*$/)
    made.remove('reports')
    await build(bundler, made)
    expect(existsSync(made.at('reports'))).toBe(false)
    made.write('blocked', 'a file')
    await expect(build(bundler, made, { report: 'blocked/report.html' })).rejects.toThrow(
      /the report cannot be written \(.*give another path/,
    )
  })

  test('watches the model, the calibration module and the configuration', async () => {
    const made = app(`import model from './tiny.onnx?int8&target=wasm&runtime=onnx&calibrate=./data/samples.ts'\n${show('model')}`, {
      'src/data/samples.ts': SAMPLES,
      'src/data/size.ts': `export const size = 8\n`,
      'whittle.config.ts': `export default {}\n`,
    })
    const { watched } = await build(bundler, made)
    for (const file of ['src/tiny.onnx', 'src/data/samples.ts', 'src/data/size.ts', 'whittle.config.ts']) {
      expect(watched).toContain(made.at(file))
    }
  })

  test('starts at the importer for relative paths of a query', async () => {
    const made = app(
      `import model from './models/tiny.onnx?int8&target=wasm&runtime=onnx&calibrate=./samples.ts'\nimport './other/more.ts'\n${show('model')}`,
      {
        'src/models/tiny.onnx': tinyModel(),
        'src/samples.ts': SAMPLES.replace('./size.ts', './other/size.ts'),
        'src/other/size.ts': `export const size = 8\n`,
        'src/other/samples.ts': SAMPLES,
        'src/other/more.ts': `import model from '../models/tiny.onnx?int8&target=wasm&runtime=onnx&calibrate=./samples.ts'\n${show('model')}`,
      },
    )
    const { watched } = await build(bundler, made)
    expect(watched).toEqual(expect.arrayContaining([made.at('src/samples.ts'), made.at('src/other/samples.ts')]))
  })

  test.each([
    ['an unknown directive', `./tiny.onnx?int9`, /unknown directive 'int9': did you mean 'int8'\?/],
    ['a missing model', `./none.onnx?int8`, /none\.onnx/],
    ['a text file', `./text.onnx?int8`, /text\.onnx/],
    [
      'several files for as=url',
      `./tiny.onnx?int8;fp16&target=wasm&runtime=onnx&as=url`,
      /as=url gives one address, and this import makes 2 files/,
    ],
  ])('fails on %s with the import, the module that holds it, and no stack in the message', async (_name, source, message) => {
    const made = app(`import model from '${source}'\n${show('model')}`, { 'src/text.onnx': 'this is no model' })
    const error: Error = await build(bundler, made).then(
      () => expect.unreachable(),
      (thrown: Error) => thrown,
    )
    expect(error.message).toMatch(message)
    expect(error.message).toContain(`imported as '${source}' by src/main.ts`)
    expect(error.message).not.toMatch(/^\s+at .+:\d+:\d+\)?$/m)
  })

  test('leaves imports that are the bundler’s own, and models that are excluded', async () => {
    const made = app(`import './plain.ts'\nimport url from './tiny.onnx?url'\n${show('url')}`, { 'src/plain.ts': 'export {}' })
    if (bundler === 'rollup') {
      await expect(build(bundler, made)).rejects.toThrow(/tiny\.onnx\?url/)
    } else {
      await build(bundler, made)
      expect(made.files('dist').filter((file) => file.endsWith('.onnx'))).toHaveLength(1)
    }
    expect(existsSync(made.at('whittle-models.d.ts'))).toBe(false)
    made.write(ENTRY, `import model from './tiny.onnx?int8'\n${show('model')}`)
    await expect(build(bundler, made, { exclude: '**/tiny.onnx' })).rejects.toThrow()
  })
})

describe.each(['vite7', 'vite8'] as const)('%s', (bundler) => {
  test.each(['/sub/', './', 'https://cdn.example/app/'])('keeps addresses right below the base %s', async (base) => {
    const made = app(`import model from './tiny.onnx?target=wasm&runtime=onnx'\n${show('model')}`)
    await build(bundler, made, { base })
    const script = made.files('dist').find((file) => /^assets\/index-.*\.js$/.test(file))!
    const home = new URL(base, 'https://host/app/')
    const strings = [...made.read(`dist/${script}`).matchAll(/[`"']([^`"']*\.(?:onnx|wasm|mjs))[`"']/g)].map(([, text]) => text!)
    const addresses = strings.map((text) => new URL(text, new URL(script, home)).href)
    const emitted = made.files('dist').filter((file) => /\.(onnx|wasm|mjs)$/.test(file))
    expect(emitted).toHaveLength(3)
    for (const file of emitted) expect(addresses).toContain(new URL(file, home).href)
  })

  test('builds for a server without browser globals, runtimes or second copies of assets', async () => {
    const made = app(`import model from './tiny.onnx?target=wasm;webgpu&runtime=onnx'\n${show('model')}`, {
      'src/server.ts': `
        import model from './tiny.onnx?target=wasm;webgpu&runtime=onnx'
        import url from './tiny.onnx?target=wasm&runtime=onnx&as=url'
        export { model, url }`,
    })
    await build(bundler, made, { base: '/sub/' })
    await build(bundler, made, { base: '/sub/', ssr: 'src/server.ts' })
    const files = made.files('server')
    expect(files).toEqual([expect.stringMatching(/^server\.m?js$/)])
    const { model, url } = await import(pathToFileURL(made.at(`server/${files[0]}`)).href)
    expect(model.manifest.name).toBe('tiny')
    await expect(model.load()).rejects.toMatchObject({ name: 'UnsupportedError', code: 'SERVER' })
    expect(url).toMatch(/^\/sub\/assets\/tiny.*\.onnx$/)
    expect(made.read(`server/${files[0]}`)).not.toMatch(/\bimport\(/)
  })
})

const SAMPLES = `
  import { size } from './size.ts'
  import { Tensor } from '@whittle/ir'
  export default {
    key: 'samples',
    async *samples() {
      for (let index = 0; index < 4; index++) yield { inputs: { x: Tensor.float32([1, size], new Float32Array(size).fill(index)) } }
    },
  }
`

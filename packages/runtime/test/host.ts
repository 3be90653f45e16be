import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from '@whittle/browser'
import type { Manifest, ManifestVariant } from '@whittle/targets'
import { rolldown } from 'rolldown'
import type { KnownFile } from '../src/index.ts'
import { answer, MODEL, NEXT, ORT } from './answers.ts'

export { HALF, MODEL, NEXT, ONE_ROW, TWO_ROWS } from './answers.ts'

const HEADERS = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
const TYPES: Record<string, string> = {
  '.wasm': 'application/wasm',
  '.mjs': 'text/javascript',
  '.js': 'text/javascript',
  '.html': 'text/html',
}

export interface Host {
  readonly url: string
  readonly requests: string[]
  /** Of requests whose answers the browser did not wait for. */
  readonly ended: string[]
  /** Set to answer 503 for models and runtime files. */
  down: boolean
  /** A new deployment: what is there in place of a file, by their names. */
  deployed: Record<string, string>
  close(): Promise<void>
}

/**
 * Serves a page with the loader in it, onnxruntime-web's files, and models in good and in bad ways.
 * @param csp the page's Content-Security-Policy.
 * @param lasting runtime files may be kept by the browser, as a host says of files with a hash in their name.
 */
export async function startHost({ isolated = false, lasting = false, csp = '' } = {}): Promise<Host> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('page.ts', import.meta.url)),
    platform: 'browser',
    resolve: { conditionNames: ['@whittle/source', 'import'] },
    logLevel: 'silent',
  })
  const { output } = await bundle.generate({ format: 'esm' })
  await bundle.close()
  const texts: Record<string, string> = {
    '/': '<!doctype html><title>host</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
    '/page.js': output[0].code,
    '/serve.js': `import '/page.js'; whittle.serve(JSON.parse(new URL(location.href).searchParams.get('manifest')))`,
    '/worker.js': `import '/page.js'; self.onmessage = async ({ data }) => self.postMessage(await whittle.load(data))`,
  }
  const requests: string[] = []
  const host: Host = {
    url: '',
    requests,
    ended: [],
    down: false,
    deployed: {},
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://host')
    requests.push(pathname)
    response.on('close', () => void (response.writableFinished || host.ended.push(pathname)))
    const file = path.posix.basename(pathname)
    const name = host.deployed[file] ?? file
    if (isolated) for (const [header, value] of Object.entries(HEADERS)) response.setHeader(header, value)
    response.setHeader('Cache-Control', lasting && pathname.startsWith('/ort/') ? 'public, max-age=31536000, immutable' : 'no-store')
    response.setHeader('Content-Type', pathname === '/' ? 'text/html' : (TYPES[path.extname(name)] ?? 'application/octet-stream'))
    if (csp) response.setHeader('Content-Security-Policy', csp)
    if (host.down && /^\/(ort|models)\//.test(pathname)) response.writeHead(503).end()
    else if (texts[pathname] !== undefined) response.end(texts[pathname])
    else if (pathname.startsWith('/ort/'))
      createReadStream(path.join(ORT, name))
        .on('error', () => response.writeHead(404).end())
        .pipe(response)
    else answer(name, response, request.headers.range)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(host, { url: `http://127.0.0.1:${(server.address() as { port: number }).port}/` })
}

/** A manifest of {@link NEXT}. */
export function nextManifest(files: Record<string, string>): Manifest {
  const port = (name: string, elementType: 'float32' | 'bool', columns: number) => ({ name, elementType, dims: ['N', columns] })
  const inputs = [port('y', 'float32', 3)]
  return manifestOf(files, { name: 'next', inputs, outputs: [port('z', 'float32', 2), port('above', 'bool', 2)] }, NEXT)
}

/**
 * A file in as many parts as ways are given in which the host answers for them.
 * @param content the file's bytes.
 */
export function inParts<F extends KnownFile>(file: F, content: Uint8Array, ways: readonly string[]): F {
  const { ext } = path.parse(file.path)
  const parts = ways.map((way, at) => {
    const [from, to] = [at, at + 1].map((edge) => Math.ceil((content.length * edge) / ways.length)) as [number, number]
    const bytes = content.subarray(from, to)
    return { path: `${way}.${from}-${to}${ext}`, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
  })
  return { ...file, parts }
}

/** A manifest whose variants, by target, have their file in parts, for which the host answers in these ways. */
export function dividedManifest(ways: Record<string, readonly string[]>, model = MODEL): Manifest {
  const { variants, ...manifest } = manifestOf(Object.fromEntries(Object.keys(ways).map((target) => [target, `whole.onnx`])), {}, model)
  return {
    ...manifest,
    format: 2,
    variants: variants.map((variant) => ({ ...variant, files: variant.files.map((file) => inParts(file, model, ways[variant.target]!)) })),
  }
}

/** What a bundler's plugin says of each build's WebAssembly. */
export function runtimeFiles(): Record<'wasm' | 'webgpu' | 'jspi', KnownFile> {
  const describe = (kind: string): KnownFile => {
    const name = `ort-wasm-simd-threaded${kind}.wasm`
    const content = readFileSync(path.join(ORT, name))
    return { path: name, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }
  }
  return { wasm: describe(''), webgpu: describe('.asyncify'), jspi: describe('.jspi') }
}

const VARIANTS: Record<string, Pick<ManifestVariant, 'provider' | 'deviceType' | 'probes' | 'rank'>> = {
  'webgpu-f16': { provider: 'webgpu', probes: ['webgpu', 'shader-f16'], rank: 10 },
  'webnn-cpu': { provider: 'webnn', deviceType: 'cpu', probes: ['webnn-cpu'], rank: 15 },
  webgpu: { provider: 'webgpu', probes: ['webgpu'], rank: 20 },
  wasm: { provider: 'wasm', probes: ['wasm'], rank: 30 },
}

/** A manifest whose variants, by target, are answered for by the named files. */
export function manifestOf(files: Record<string, string>, changes: Partial<Manifest> = {}, model = MODEL): Manifest {
  return {
    format: 1,
    name: 'net',
    query: 'int8',
    source: { file: 'net.onnx', bytes: model.length, brotli: model.length },
    inputs: [{ name: 'x', elementType: 'float32', dims: ['N', 4] }],
    outputs: [{ name: 'y', elementType: 'float32', dims: ['N', 3] }],
    variants: Object.entries(files).map(([target, file]) => ({
      id: `int8-${target}`,
      target,
      format: 'int8',
      files: [{ path: file, bytes: model.length, brotli: model.length, sha256: createHash('sha256').update(model).digest('hex') }],
      ...VARIANTS[target]!,
    })),
    ...changes,
  }
}

/** A page of the host, ready. */
export async function openPage(browser: { newPage(): Promise<Page> }, host: Host, before?: () => void): Promise<Page> {
  const page = await browser.newPage()
  if (before) await page.addInitScript(before)
  await page.goto(host.url)
  await page.waitForFunction(() => 'whittle' in globalThis)
  return page
}

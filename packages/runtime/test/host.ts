import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { Page } from '@whittle/browser'
import { writeOnnx } from '@whittle/ir/onnx'
import { Tensor } from '@whittle/ir'
import type { Manifest, ManifestVariant } from '@whittle/targets'
import { buildModel } from '@whittle/testing'
import { rolldown } from 'rolldown'
import type { KnownFile } from '../src/index.ts'

const ORT = fileURLToPath(new URL('.', import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm')))

/** x[N, 4] -> y[N, 3], with enough weights that it does not arrive in one piece. */
export const MODEL = writeOnnx(
  buildModel((b) => {
    const wide = b.node('Relu', [b.node('MatMul', [b.input('x', ['N', 4]), b.weight('w1', [4, 16_384])])])
    b.output(b.node('MatMul', [wide, b.weight('w2', [16_384, 3])]), 'y')
  }, 'host'),
)

/** x: float16[2] -> y: float16[2], doubled. */
export const HALF = writeOnnx(
  buildModel((b) => {
    const whole = b.node('Cast', [b.input('x', [2], 'float16')], { to: 1 })
    const doubled = b.node('Mul', [whole, b.constant('two', Tensor.float32([], [2]))])
    b.output(b.node('Cast', [doubled], { to: 10 }), 'y')
  }),
)

/** x[N, 4] -> y[2, 4]: runs for two rows alone. */
export const TWO_ROWS = writeOnnx(
  buildModel((b) =>
    b.output(b.node('Reshape', [b.node('Relu', [b.input('x', ['N', 4])]), b.constant('s', Tensor.int64([2], [2, 4]))]), 'y'),
  ),
)

/** Ways in which a host answers for a model, by the address's last part. */
const ANSWERS: Record<string, (response: ServerResponse, range?: string) => void> = {
  // Cut twice; the rest when it is asked for.
  'resumed.onnx': (response, range) => {
    const from = Number(range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0)
    if (from > 0)
      response.writeHead(206, {
        'Content-Range': `bytes ${from}-${MODEL.length - 1}/${MODEL.length}`,
        'Content-Length': MODEL.length - from,
      })
    else response.setHeader('Content-Length', MODEL.length)
    if (from >= 100_000) response.end(MODEL.subarray(from))
    else response.write(MODEL.subarray(from, from + 60_000), () => setTimeout(() => response.destroy(), 100))
  },
  'model.onnx': (response) => response.end(MODEL),
  'pieces.onnx': (response) =>
    void response.write(MODEL.subarray(0, 50_000), () => setTimeout(() => response.end(MODEL.subarray(50_000)), 200)),
  'two-rows.onnx': (response) => response.end(TWO_ROWS),
  'half.onnx': (response) => response.end(HALF),
  'gzip.onnx': (response) => response.setHeader('Content-Encoding', 'gzip').end(gzipSync(MODEL)),
  'missing.onnx': (response) => response.writeHead(404).end('Not found'),
  'broken.onnx': (response) => response.writeHead(500).end('Oh'),
  'page.onnx': (response) => response.setHeader('Content-Type', 'text/html; charset=utf-8').end('<!doctype html>'),
  'short.onnx': (response) => response.end(MODEL.subarray(0, 1000)),
  'long.onnx': (response) => response.end(Buffer.concat([MODEL, Buffer.from('more')])),
  'other.onnx': (response) => response.end(MODEL.map((byte, index) => (index === MODEL.length - 1 ? byte ^ 1 : byte))),
  'cut.onnx': (response) => {
    response.setHeader('Content-Length', MODEL.length)
    response.write(MODEL.subarray(0, 50_000), () => setTimeout(() => response.destroy(), 100))
  },
  'slow.onnx': (response) => void response.write(MODEL.subarray(0, 50_000)),
  'hang.wasm': () => {},
}

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
  /** Set to answer 503 for models and runtime files. */
  down: boolean
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
    down: false,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://host')
    requests.push(pathname)
    const name = path.posix.basename(pathname)
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
    else if (ANSWERS[name]) ANSWERS[name](response, request.headers.range)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(host, { url: `http://127.0.0.1:${(server.address() as { port: number }).port}/` })
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

/** A page of the host, ready. Fails the test on what the page throws into the void. */
export async function openPage(browser: { newPage(): Promise<Page> }, host: Host, before?: () => void): Promise<Page> {
  const page = await browser.newPage()
  if (before) await page.addInitScript(before)
  await page.goto(host.url)
  await page.waitForFunction(() => 'whittle' in globalThis)
  return page
}

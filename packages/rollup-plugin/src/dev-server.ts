import { createReadStream } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import path from 'node:path'
import type { CompileResult } from './compiler.ts'
import { BUILDS, type Build, type RuntimePackage, TFJS_WASM, findTfjs } from './runtime-files.ts'

/** Below the server's base: `/@whittle/<hash>/<name>` for artefacts, `/@whittle/ort-<version>/<file>` for onnxruntime-web's files. */
export const PREFIX = '@whittle/'

/** Below the server's base: the report of what has been imported so far. */
export const REPORT_PATH = '__whittle/'

const TYPES: Record<string, string> = { '.wasm': 'application/wasm', '.mjs': 'text/javascript' }
const FILES = new Set(Object.values(BUILDS).flatMap(({ wasm, mjs }) => [wasm, mjs]))

/** Of the small runtime's WebAssembly, whose version is fixed. */
export const TFJS_PATH = `${PREFIX}tfjs/${TFJS_WASM}`

/** Addresses on the dev server, below its base. */
export function artefactPath({ sha256, name }: CompileResult['artefacts'][number]): string {
  return `${PREFIX}${sha256.slice(0, 16)}/${encodeURIComponent(name)}`
}

export function runtimePath(build: Build, kind: 'wasm' | 'mjs', { version }: RuntimePackage): string {
  return `${PREFIX}ort-${version}/${BUILDS[build][kind]}`
}

export interface Served {
  /** The results whose artefacts are served. */
  results(): Iterable<CompileResult>
  /** The page of {@link REPORT_PATH}. */
  report(): Promise<string>
  runtime(): RuntimePackage
  headers(): Record<string, unknown> | undefined
}

/** A dev server emits no files: it serves them from memory. Addresses hold a hash or a version, so a browser may keep what they give. */
export function createMiddleware(served: Served) {
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const pathname = new URL(request.url ?? '/', 'http://localhost').pathname
    if (request.method !== 'GET' && request.method !== 'HEAD') return next()
    if (`${pathname}/`.endsWith(`/${REPORT_PATH}`) || pathname.endsWith(`/${REPORT_PATH}`)) return sendReport(request, response, served)
    const at = pathname.indexOf(`/${PREFIX}`)
    if (at < 0) return next()
    const [folder = '', name = ''] = pathname.slice(at + 1 + PREFIX.length).split('/')

    const file =
      folder.startsWith('ort-') && FILES.has(name)
        ? path.join(served.runtime().dist, name)
        : `${PREFIX}${folder}/${name}` === TFJS_PATH
          ? findTfjs()
          : undefined
    if (file) {
      start(response, served, name)
      if (request.method === 'HEAD') response.end()
      else
        createReadStream(file)
          .on('error', () => response.destroy())
          .pipe(response)
      return
    }
    for (const { artefacts } of served.results()) {
      const artefact = artefacts.find((one) => one.sha256.startsWith(folder) && encodeURIComponent(one.name) === name)
      if (!artefact || folder.length < 16) continue
      start(response, served, name)
      response.setHeader('Content-Length', artefact.bytes.byteLength)
      response.end(request.method === 'HEAD' ? undefined : artefact.bytes)
      return
    }
    response.statusCode = 404
    response.end(`Whittle serves no ${pathname}; reload the page`)
  }
}

function sendReport({ method }: IncomingMessage, response: ServerResponse, served: Served): void {
  setHeaders(response, served)
  response.setHeader('Cache-Control', 'no-store')
  const send = (status: number, type: string, text: string): void => {
    response.statusCode = status
    response.setHeader('Content-Type', `${type}; charset=utf-8`)
    response.end(method === 'HEAD' ? undefined : text)
  }
  served.report().then(
    (page) => send(200, 'text/html', page),
    (error: unknown) =>
      send(500, 'text/plain', `Whittle cannot make the report: ${error instanceof Error ? error.message : String(error)}`),
  )
}

function setHeaders(response: ServerResponse, served: Served): void {
  for (const [header, value] of Object.entries(served.headers() ?? {})) {
    if (value !== undefined) response.setHeader(header, value as string)
  }
}

function start(response: ServerResponse, served: Served, name: string): void {
  setHeaders(response, served)
  response.setHeader('Content-Type', TYPES[path.extname(name)] ?? 'application/octet-stream')
  response.setHeader('Cache-Control', 'max-age=31536000, immutable')
}

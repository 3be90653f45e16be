import type { Manifest } from '@whittle/targets'
import * as gpu from '../src/gpu.ts'
import { imageTensor, toImageData } from '../src/image.ts'
import { createModel, tensor, type KnownFile, type LoadOptions, type Obtain, type Ort, type Session } from '../src/index.ts'
import { obtainParts } from '../src/parts.ts'
import { shareModel } from '../src/share.ts'
import * as stream from '../src/stream.ts'
import { thriftyDevices } from '../src/thrift.ts'
import { serveModel, workerModel } from '../src/worker.ts'

/** What a test may change of the page's runtimes. */
export interface Changes {
  /** Address of the wasm build's WebAssembly. */
  wasm?: string
  /** The wasm build's JavaScript never arrives. */
  never?: boolean
  /** Sizes and hashes of the builds' WebAssembly, as a bundler's plugin gives them. */
  files?: Record<'wasm' | 'webgpu' | 'jspi', KnownFile>
}

const ort = (name: string): Promise<Ort> => import(/* @vite-ignore */ new URL(`/ort/${name}`, import.meta.url).href) as Promise<Ort>

/** The addresses below `/models/` of files, or of their parts, by their paths. */
function urlsOf(files: readonly KnownFile[]): Record<string, string> {
  const deployed = files.flatMap((file) => file.parts ?? [file])
  return Object.fromEntries(deployed.map(({ path }) => [path, new URL(`/models/${path}`, import.meta.url).href]))
}

/** As generated modules have it: without parts there is nothing to join. */
function joining(files: readonly KnownFile[]): { obtain?: Obtain } {
  return files.some(({ parts }) => parts) ? { obtain: obtainParts(urlsOf(files), files) } : {}
}

function model(manifest: Manifest, { wasm, never, files: known }: Changes = {}) {
  const own = manifest.variants.flatMap(({ files }) => files)
  const files = (kind: string, build: 'wasm' | 'webgpu' | 'jspi') => ({
    ...(known ? { file: known[build], ...joining([known[build]]) } : {}),
    wasm: known?.[build].parts ? '' : new URL(`/ort/ort-wasm-simd-threaded${kind}.wasm`, import.meta.url).href,
    mjs: new URL(`/ort/ort-wasm-simd-threaded${kind}.mjs`, import.meta.url).href,
  })
  return createModel({
    manifest,
    urls: urlsOf(own),
    ...joining(own),
    runtimes: {
      wasm: {
        load: () => (never ? new Promise<Ort>(() => void Object.assign(globalThis, { hangs: true })) : ort('ort.wasm.min.mjs')),
        ...files('', 'wasm'),
        ...(wasm ? { wasm: new URL(wasm, import.meta.url).href } : {}),
      },
      webgpu: { load: () => ort('ort.webgpu.min.mjs'), ...files('.asyncify', 'webgpu') },
      jspi: { load: () => ort('ort.jspi.min.mjs'), ...files('.jspi', 'jspi') },
    },
  })
}

/** A thrown value, as JSON. */
function told(error: any) {
  const { name, message, code, decisions, cause } = error
  return { name, message, code, decisions, cause: cause && { name: cause.name, message: cause.message, code: cause.code } }
}

/**
 * What a load gave, as JSON; the session stays in `globalThis.session`. While it goes on, `globalThis.progress` is what has arrived, and
 * `globalThis.stop()` aborts it.
 */
async function load(manifest: Manifest, options: LoadOptions & { aborted?: boolean } = {}, changes?: Changes) {
  const progress: [number, number][] = []
  const controller = new AbortController()
  const stop = (): void => controller.abort(new Error('stopped'))
  if (options.aborted) stop()
  Object.assign(globalThis, { progress, stop })
  try {
    const session = await model(manifest, changes).load({
      ...options,
      signal: controller.signal,
      onProgress: ({ loaded, total }) => void progress.push([loaded, total]),
    })
    Object.assign(globalThis, { session })
    const { device, variant, decisions, bytes } = session
    return { device, variant, decisions, bytes, progress }
  } catch (error) {
    return { error: told(error), progress }
  }
}

async function run(inputs: Record<string, unknown>) {
  try {
    const outputs = await (globalThis as unknown as { session: Session }).session.run(inputs as never)
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { type, data, dims }]) => [
        name,
        { type, dims, data: Array.from(data as ArrayLike<number>, Number), array: data.constructor.name },
      ]),
    )
  } catch (error) {
    return { error: told(error) }
  }
}

/** The model of a manifest, in a worker. */
function connect(manifest: Manifest) {
  const worker = new Worker(`/serve.js?manifest=${encodeURIComponent(JSON.stringify(manifest))}`, { type: 'module' })
  return workerModel<ReturnType<typeof model>>(worker)
}

const serve = (manifest: Manifest): void => serveModel(model(manifest))

Object.assign(globalThis, {
  whittle: {
    load,
    run,
    model,
    tensor,
    ort,
    connect,
    serve,
    workerModel,
    told,
    shareModel,
    stream,
    gpu,
    imageTensor,
    toImageData,
    thriftyDevices,
  },
})

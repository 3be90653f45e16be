import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { launchBrowser, serveFolder, type Browser, type FolderServer } from '@whittle/browser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// (module (func (result v128) i32.const 0 i8x16.splat)): valid only where SIMD is.
const SIMD_MODULE = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11]

let folder: string
const servers: FolderServer[] = []

async function serve(...options: Parameters<typeof serveFolder> extends [string, ...infer Rest] ? Rest : never): Promise<FolderServer> {
  const server = await serveFolder(folder, ...options)
  servers.push(server)
  return server
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'whittle-browser-'))
  await writeFile(path.join(folder, 'index.html'), '<!doctype html><title>served</title><p id="text">Hello</p>')
  await writeFile(path.join(folder, 'net.wasm'), Uint8Array.from(SIMD_MODULE))
  await writeFile(path.join(folder, 'code.mjs'), 'export default 1')
})

afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()))
  await rm(folder, { recursive: true, force: true })
})

describe('launchBrowser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchBrowser({ webgpu: true })
  })
  afterAll(() => browser.close())

  it('compiles WebAssembly with SIMD, streamed from the server', async () => {
    const page = await browser.newPage()
    await page.goto((await serve()).url)
    const exported = await page.evaluate(async () => {
      const module = await WebAssembly.compileStreaming(fetch('net.wasm'))
      return module instanceof WebAssembly.Module
    })
    expect(exported).toBe(true)
    await page.close()
  })

  it('computes on a WebGPU adapter', async () => {
    const page = await browser.newPage()
    await page.goto((await serve()).url)
    // Typed loosely: TypeScript's DOM library has no WebGPU.
    const doubled = await page.evaluate(async () => {
      const gpu = (navigator as any).gpu
      const adapter = await gpu.requestAdapter()
      const device = await adapter.requestDevice()
      const buffer = device.createBuffer({ size: 16, usage: 0x80 | 0x4 | 0x8 })
      const back = device.createBuffer({ size: 16, usage: 0x1 | 0x8 })
      device.queue.writeBuffer(buffer, 0, new Float32Array([1, 2, 3, 4]))
      const code =
        '@group(0) @binding(0) var<storage, read_write> v: array<f32>; @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) { v[i] = 2 * v[i]; }'
      const pipeline = device.createComputePipeline({
        layout: 'auto',
        compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
      })
      const encoder = device.createCommandEncoder()
      const pass = encoder.beginComputePass()
      pass.setPipeline(pipeline)
      pass.setBindGroup(
        0,
        device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: { buffer } }] }),
      )
      pass.dispatchWorkgroups(1)
      pass.end()
      encoder.copyBufferToBuffer(buffer, 0, back, 0, 16)
      device.queue.submit([encoder.finish()])
      await back.mapAsync(1)
      return [...new Float32Array(back.getMappedRange())]
    })
    expect(doubled).toEqual([2, 4, 6, 8])
    await page.close()
  })

  it('draws text in its own fonts', async () => {
    const page = await browser.newPage()
    await page.goto((await serve()).url)
    const widths = await page.evaluate(() => {
      const context = document.createElement('canvas').getContext('2d')!
      context.font = '40px sans-serif'
      return [context.measureText('iiii').width, context.measureText('WWWW').width]
    })
    expect(widths[0]).toBeGreaterThan(0)
    expect(widths[1]).toBeGreaterThan(2 * widths[0]!)
    await page.close()
  })
})

it('has no WebGPU adapter unless it was asked for', async () => {
  const browser = await launchBrowser()
  try {
    const page = await browser.newPage()
    await page.goto((await serve()).url)
    expect(await page.evaluate(async () => (await (navigator as any).gpu?.requestAdapter()) ?? null)).toBeNull()
  } finally {
    await browser.close()
  }
})

it('computes with WebNN when it was asked for', async () => {
  const browser = await launchBrowser({ webnn: true })
  try {
    const page = await browser.newPage()
    await page.goto((await serve()).url)
    const sum = await page.evaluate(async () => {
      const ml = (navigator as any).ml
      const context = await ml.createContext({ deviceType: 'cpu' })
      const builder = new (window as any).MLGraphBuilder(context)
      const type = { dataType: 'float32', shape: [2] }
      const a = builder.input('a', type)
      const graph = await builder.build({ c: builder.add(a, a) })
      const input = await context.createTensor({ ...type, writable: true })
      const output = await context.createTensor({ ...type, readable: true })
      context.writeTensor(input, new Float32Array([1, 2]))
      context.dispatch(graph, { a: input }, { c: output })
      return [...new Float32Array(await context.readTensor(output))]
    })
    expect(sum).toEqual([2, 4])
  } finally {
    await browser.close()
  }
})

describe('serveFolder', () => {
  it('gives files their types, records requests, and answers 404 for what is not there', async () => {
    const server = await serve({ headers: { 'X-Test': 'yes' } })
    const wasm = await fetch(`${server.url}net.wasm`)
    expect(wasm.headers.get('content-type')).toBe('application/wasm')
    expect(wasm.headers.get('x-test')).toBe('yes')
    expect((await fetch(`${server.url}code.mjs`)).headers.get('content-type')).toMatch(/javascript/)
    expect((await fetch(server.url)).headers.get('content-type')).toMatch(/text\/html/)
    expect((await fetch(`${server.url}none`)).status).toBe(404)
    expect(server.requests).toEqual(['/net.wasm', '/code.mjs', '/', '/none'])
  })

  it('gives what was compressed beforehand, and says what may be kept, on request only', async () => {
    const content = Buffer.from('export default 2')
    await writeFile(path.join(folder, 'kept.mjs'), content)
    await writeFile(path.join(folder, 'kept.mjs.br'), brotliCompressSync(content))
    const told = async (options: Parameters<typeof serve>[0]) => {
      const answer = await fetch(`${(await serve(options)).url}kept.mjs`, { headers: { 'Accept-Encoding': 'gzip, br' } })
      const { headers } = answer
      return { text: await answer.text(), encoding: headers.get('content-encoding'), cache: headers.get('cache-control') }
    }
    expect(await told({})).toEqual({ text: 'export default 2', encoding: null, cache: 'no-cache' })
    expect(await told({ brotli: true, lasting: /^\/kept/ })).toEqual({
      text: 'export default 2',
      encoding: 'br',
      cache: 'public, max-age=31536000, immutable',
    })
  })

  it('isolates a page on request only', async () => {
    const browser = await launchBrowser()
    try {
      const page = await browser.newPage()
      const isolated: boolean[] = []
      for (const options of [{ isolated: true }, {}]) {
        await page.goto((await serve(options)).url)
        isolated.push(await page.evaluate(() => crossOriginIsolated))
      }
      expect(isolated).toEqual([true, false])
    } finally {
      await browser.close()
    }
  })
})

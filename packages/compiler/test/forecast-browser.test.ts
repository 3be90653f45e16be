import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { launchBrowser, serveFolder } from '@whittle/browser'
import { type Model, createRandom } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { webgpu, webnnCpu } from '@whittle/targets'
import { buildModel } from '@whittle/testing'
import { expect, test } from 'vitest'
import { forecast } from '../src/index.ts'

/** Celu has a kernel on the CPU only; the others have one everywhere. */
const OPS = ['Exp', 'Sigmoid', 'Celu', 'Tanh', 'Celu', 'Floor', 'Add', 'Mul', 'Sub']

/** 14 nodes that read what came shortly before, each named after its op. */
function randomGraph(seed: number): Model {
  const random = createRandom(`graph ${seed}`)
  return buildModel((b) => {
    const values = [b.input('x', [2, 8]), b.input('z', [2, 8])]
    const pick = () => values[Math.max(0, values.length - 1 - random.integer(4))]!
    for (let index = 0; index < 14; index++) {
      const op = OPS[random.integer(OPS.length)]!
      values.push(b.node(op, ['Add', 'Mul', 'Sub'].includes(op) ? [pick(), pick()] : [pick()], {}, { name: `${op}_${index}` }))
    }
    for (const value of values.slice(2)) if (value.uses.length === 0) b.output(value)
  })
}

/** What onnxruntime-web logs in a page while it makes sessions of models. */
async function logsOf(models: readonly Model[], provider: object): Promise<string[]> {
  const dist = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'))
  const server = await serveFolder(dist)
  const browser = await launchBrowser({ webgpu: true, webnn: true })
  try {
    const page = await browser.newPage()
    await page.goto(`${server.url}ort.jspi.min.mjs`)
    // As text, since the test's own imports are rewritten.
    return await page.evaluate<string[]>(`(async () => {
      let lines = []
      for (const method of ['log', 'info', 'warn', 'error']) console[method] = (...parts) => lines.push(parts.join(' '))
      const ort = await import('/ort.jspi.min.mjs')
      ort.env.wasm.numThreads = 1
      ort.env.logLevel = 'verbose'
      const options = { executionProviders: [${JSON.stringify(provider)}], logSeverityLevel: 0, graphOptimizationLevel: 'disabled' }
      const logs = []
      for (const text of ${JSON.stringify(models.map((model) => Buffer.from(writeOnnx(model)).toString('base64')))}) {
        lines = []
        const session = await ort.InferenceSession.create(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)), options)
        await session.release()
        logs.push(lines.join('\\n'))
      }
      return logs
    })()`)
  } finally {
    await browser.close()
    await server.close()
  }
}

const graphs = Array.from({ length: 12 }, (_, seed) => randomGraph(seed))

test('the installed runtime leaves those nodes to the CPU on WebGPU that the forecast names', async () => {
  const logs = await logsOf(graphs, { name: 'webgpu' })
  const left = logs.map(
    (log) => new Set([...log.matchAll(/kernel not found in registries for Op type: \w+ node name: (\w+)/g)].map(([, name]) => name)),
  )
  const named = graphs.map((graph) => new Set(forecast(graph, webgpu).fallbacks.map(({ at }) => /'(.*)'/.exec(at)![1])))
  expect(left).toEqual(named)
  expect(left.filter(({ size }) => size > 0).length).toBeGreaterThan(8)
})

test('it makes as many parts of them for WebNN as are forecast', async () => {
  const logs = await logsOf(graphs, { name: 'webnn', deviceType: 'cpu' })
  const parts = logs.map((log) => Number(/number of partitions supported by WebNN: (\d+)/.exec(log)?.[1]))
  expect(parts).toEqual(graphs.map((graph) => forecast(graph, webnnCpu).partitions))
  expect(Math.max(...parts)).toBeGreaterThan(2)
})

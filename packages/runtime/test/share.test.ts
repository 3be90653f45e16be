import { expect, test } from 'vitest'
import { held } from './answers.ts'
import { drive, native, near, X } from './drive.ts'
import { manifestOf, MODEL } from './host.ts'

const driven = drive({})
const { open, asked } = driven

const WASM = manifestOf({ wasm: 'model.onnx' })
const HELD = manifestOf({ wasm: 'held.onnx' })

/**
 * On the page: `shared`, the model of a manifest, of which `counts` tells how often it was loaded and disposed of; and `run(session)`, which
 * gives what a session makes of one row.
 */
async function share(manifest: object, worker = false): Promise<void> {
  await open()
  await driven.page.evaluate(
    ([of, inWorker, row]) => {
      const { model, connect, shareModel, tensor, told } = (globalThis as any).whittle
      const own = inWorker ? connect(of) : model(of)
      const counts = { loads: 0, disposals: 0 }
      const counted = {
        ...own,
        load: async (options: unknown) => {
          counts.loads++
          const session = await own.load(options)
          const { dispose } = session
          session.dispose = () => (counts.disposals++, dispose())
          return session
        },
      }
      const run = (session: any) =>
        session.run({ x: tensor(new Float32Array(row), [1, 4]) }).then(
          ({ y }: any) => [...y.data],
          (error: any) => told(error),
        )
      Object.assign(globalThis, { own: counted, shared: shareModel(counted), counts, run, told, shareModel })
    },
    [manifest, worker, X] as const,
  )
}

/** Runs text on the page as the body of an asynchronous function. */
const page = (body: string): Promise<any> => driven.page.evaluate((text) => new Function(`return (async () => { ${text} })()`)(), body)

test.each([
  ['of the page', false],
  ['in a worker', true],
])('loads that overlap share one session %s, freed by the last', async (_, worker) => {
  await share(WASM, worker)
  const result = await page(`
    const sessions = await Promise.all([shared.load(), shared.load(), shareModel(own).load()])
    const late = await shared.load()
    const [a, b, c] = sessions
    const ran = await Promise.all([...sessions, late].map(run))
    await a.dispose(); await a.dispose()
    await late.dispose()
    const after = [await run(a), await run(b), counts.disposals]
    await b.dispose(); await c.dispose()
    const ended = { ...counts }
    const anew = await shared.load()
    return { ran, after, ended, anew: await run(anew), counts, device: b.device, bytes: b.bytes, decisions: b.decisions, distinct: new Set([...sessions, late]).size }
  `)
  const wanted = await native(X)
  for (const y of [...result.ran, result.after[1], result.anew]) near(y, wanted)
  expect(result.after[0]).toMatchObject({ name: 'RunError', code: 'DISPOSED' })
  expect(result.after[2]).toBe(0)
  expect(result.ended).toEqual({ loads: 1, disposals: 1 })
  expect(result).toMatchObject({
    counts: { loads: 2, disposals: 1 },
    device: 'wasm',
    bytes: { total: MODEL.length },
    decisions: [{ outcome: 'chosen' }],
    distinct: 4,
  })
})

test('one’s own dispose() waits for the runs that one asked for before', async () => {
  await share(WASM)
  const result = await page(`
    let release
    const gate = new Promise((resolve) => (release = resolve))
    const { load } = own
    const slow = shareModel({ load: async (options) => {
      const session = await load(options)
      const { run } = session
      return Object.assign(session, { run: (inputs) => gate.then(() => run(inputs)) })
    } })
    const [a, b] = await Promise.all([slow.load(), slow.load()])
    const running = run(a)
    let disposed = false
    const disposing = a.dispose().then(() => (disposed = true))
    await new Promise((resolve) => setTimeout(resolve))
    const early = disposed
    release()
    await disposing
    return { early, ran: await running, disposals: counts.disposals }
  `)
  expect(result).toMatchObject({ early: false, disposals: 0 })
  near(result.ran, await native(X))
})

test('one who joins is told what is known so far, and then every event', async () => {
  await share(HELD)
  await page(`
    globalThis.events = [[], []]
    globalThis.listen = (to) => ({ onProgress: ({ loaded, total }) => void to.push([loaded, total]) })
    globalThis.loads = [shared.load(listen(events[0]))]
  `)
  await expect.poll(() => page('return events[0].at(-1)?.[0] > 0')).toBe(true)
  await page('loads.push(shared.load(listen(events[1])))')
  const known = await page('return events[1].length')
  held.splice(0).forEach((release) => release())
  const [first, second] = await page('await Promise.all(loads); return events')
  expect(known).toBe(1)
  expect(second.length).toBeGreaterThan(1)
  expect(second).toEqual(first.slice(-second.length))
  expect(second.at(-1)).toEqual([MODEL.length, MODEL.length])
  // Also where all is there.
  const late = await page('const late = []; await shared.load(listen(late)); return late')
  expect(late).toEqual([[MODEL.length, MODEL.length]])
  expect(asked('.onnx')).toHaveLength(1)
})

/** Two callers that wait for a model of which the rest is held back; `stop[i]` aborts one. */
async function waiting(): Promise<void> {
  await share(HELD)
  await page(`
    const controllers = [new AbortController(), new AbortController()]
    globalThis.stop = controllers.map((controller, index) => () => controller.abort(new Error('stopped ' + index)))
    globalThis.loads = controllers.map(({ signal }) => shared.load({ signal }))
    globalThis.ends = loads.map((load) => load.then(() => 'loaded', (error) => error.message))
  `)
  await expect.poll(() => held.length).toBe(1)
}

test('a signal ends its own caller’s waiting alone', async () => {
  await waiting()
  expect(await page('stop[0](); return ends[0]')).toBe('stopped 0')
  held.splice(0).forEach((release) => release())
  expect(await page('return ends[1]')).toBe('loaded')
  near(await page('stop[1](); return run(await loads[1])'), await native(X))
  await page('await (await loads[1]).dispose()')
  expect(await page('return counts')).toEqual({ loads: 1, disposals: 1 })
})

test('the loading is aborted when all gave up, and a later load starts anew', async () => {
  await waiting()
  expect(await page('stop[0](); stop[1](); return Promise.all(ends)')).toEqual(['stopped 0', 'stopped 1'])
  await expect.poll(() => driven.host.ended).toEqual(['/models/held.onnx'])
  held.length = 0
  const loading = page('return run(await shared.load())')
  await expect.poll(() => held.length).toBe(1)
  held.splice(0).forEach((release) => release())
  near(await loading, await native(X))
  expect(await page('return counts.loads')).toBe(2)
})

test('a load whose signal was aborted before starts nothing', async () => {
  await share(WASM)
  expect(await page(`return shared.load({ signal: AbortSignal.abort('no') }).catch((reason) => [reason, counts.loads])`)).toEqual(['no', 0])
})

test('a session that is there as the last caller gives up is freed', async () => {
  await share(WASM)
  const result = await page(`
    const controller = new AbortController()
    const { load } = own
    const late = shareModel({ load: async (options) => { const session = await load({ ...options, signal: undefined }); controller.abort('late'); return session } })
    const reason = await late.load({ signal: controller.signal }).catch((thrown) => thrown)
    await new Promise((resolve) => setTimeout(resolve))
    return { reason, ...counts }
  `)
  expect(result).toEqual({ reason: 'late', loads: 1, disposals: 1 })
})

test('one whose onProgress throws takes nothing from the others', async () => {
  await share(WASM)
  const result = await page(`
    const [bad, good] = await Promise.allSettled([shared.load({ onProgress: () => { throw new Error('oh') } }), shared.load()])
    return [bad.reason.message, await run(good.value), counts.loads]
  `)
  expect(result[0]).toBe('oh')
  near(result[1], await native(X))
  expect(result[2]).toBe(1)
})

test('a load that failed is told to all who waited, and not remembered', async () => {
  await share(WASM)
  driven.host.deployed = { 'model.onnx': 'missing.onnx' }
  const failed = await page(`
    return Promise.all([shared.load(), shared.load()].map((load) => load.catch((error) => told(error))))
  `)
  for (const error of failed) expect(error).toMatchObject({ name: 'LoadError', code: 'LOAD_FAILED', cause: { code: 'HTTP_STATUS' } })
  driven.host.deployed = {}
  near(await page('return run(await shared.load())'), await native(X))
  expect(await page('return counts.loads')).toBe(2)
})

test('a retry in the handler of the failure starts anew', async () => {
  await share(manifestOf({ wasm: 'missing.onnx' }))
  expect(await page('await shared.load().catch(() => shared.load()).catch(() => undefined); return counts.loads')).toBe(2)
})

test('loads with other devices, check, ort or runtimeBase do not share', async () => {
  await share(WASM)
  const loads = await page(`
    const ort = await whittle.ort('ort.wasm.min.mjs')
    const runtimeBase = new URL('/ort/', location.href).href
    const options = [{}, { check: true }, { devices: undefined }, { devices: ['wasm'] }, { devices: ['wasm'] }, { devices: ['wasm', 'webgpu'] },
      { check: false }, { runtimeBase }, { runtimeBase }, { ort }, { ort }, { onProgress() {} }, { signal: new AbortController().signal }]
    const sessions = await Promise.all(options.map((one) => shared.load(one)))
    await Promise.all(sessions.map((session) => session.dispose()))
    return counts
  `)
  expect(loads).toEqual({ loads: 6, disposals: 6 })
})

test('a shared model has what the model has, and is shared once', async () => {
  await share(WASM)
  expect(await page('return [shared.manifest === own.manifest, shareModel(own) === shared, shareModel(shared) === shared]')).toEqual([
    true,
    true,
    true,
  ])
})

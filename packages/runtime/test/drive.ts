import { launchBrowser, type Browser, type LaunchOptions, type Page } from '@whittle/browser'
import type { Manifest } from '@whittle/targets'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { MODEL, openPage, startHost, type Host } from './host.ts'
import type { Changes } from './page.ts'

/** One row of inputs of the host's model. */
export const X = [0.5, -1, 2, 0.25]

/** A browser and a host for the tests of a file, and a page for each of them. */
export interface Drive {
  readonly browser: Browser
  readonly host: Host
  /** The page that was opened last. */
  readonly page: Page
  /** Opens a page, of another host where one is given. */
  open(before?: () => void, host?: Host): Promise<Page>
  load(manifest: Manifest, options?: object, changes?: Changes): Promise<any>
  /** Runs the session of the last load on rows of four numbers. */
  run(x?: number[]): Promise<any>
  /** Runs the session once, expects what onnxruntime gives natively, and gives the output. */
  works(): Promise<any>
  /** Paths that the page asked the host for. */
  asked(ending: string): string[]
}

export function drive(options: LaunchOptions): Drive {
  let browser: Browser
  let host: Host
  let page: Page | undefined
  let wanted: number[]
  /** What was thrown and nobody caught, a promise's rejection as well. */
  const uncaught: string[] = []

  beforeAll(async () => {
    browser = await launchBrowser(options)
    host = await startHost()
    wanted = await native(X)
  })
  afterEach(async () => {
    await page?.close()
    page = undefined
    host.requests.length = 0
    host.ended.length = 0
    host.deployed = {}
    expect(uncaught.splice(0)).toEqual([])
  })
  afterAll(async () => {
    await browser?.close()
    await host?.close()
  })

  const driven: Drive = {
    get browser() {
      return browser
    },
    get host() {
      return host
    },
    get page() {
      return page!
    },
    async open(before, at = host) {
      page = await openPage(browser, at, before)
      page.on('pageerror', (error) => void uncaught.push(error.message))
      return page
    },
    load: (...given) => page!.evaluate(([m, o, c]) => (globalThis as any).whittle.load(m, o, c), given as [Manifest, object, object]),
    run: (x = X) =>
      page!.evaluate((values) => {
        const { run, tensor } = (globalThis as any).whittle
        return run({ x: tensor(new Float32Array(values), [values.length / 4, 4]) })
      }, x),
    works: async () => {
      const { y, error } = await driven.run()
      expect(error).toBeUndefined()
      near(y.data, wanted)
      return y
    },
    asked: (ending) => host.requests.filter((path) => path.endsWith(ending)),
  }
  return driven
}

/** What onnxruntime gives natively for rows of the host's model. */
export async function native(x: number[]): Promise<number[]> {
  const session = await InferenceSession.create(MODEL)
  const { y } = await session.run({ x: new Tensor('float32', x, [x.length / 4, 4]) })
  return [...(y!.data as Float32Array)]
}

export function near(actual: number[], expected: number[]): void {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((value, index) => expect(value).toBeCloseTo(expected[index]!, 3))
}

/** Neither what is loaded nor what it can be compared with ever falls. */
export function expectGrowing(progress: [number, number][]): void {
  progress.forEach(([loaded, total], index) => {
    expect(loaded).toBeLessThanOrEqual(total)
    expect(loaded).toBeGreaterThanOrEqual(progress[index - 1]?.[0] ?? 0)
    expect(total).toBeGreaterThanOrEqual(progress[index - 1]?.[1] ?? 0)
  })
}

/** For a page before its scripts: a browser without WebGPU and WebNN. */
export function onlyWasm(): void {
  for (const api of ['gpu', 'ml']) Object.defineProperty(Navigator.prototype, api, { get: () => undefined })
}

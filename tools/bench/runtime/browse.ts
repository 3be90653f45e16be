import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, type FolderServer, type Page, launchBrowser, serveFolder } from '@whittle/browser'
import type { PageName } from './pages.ts'

/** What a page leaves in `bench`. */
export interface Told {
  readonly failed?: string
  /** Milliseconds from navigation. */
  readonly first: number
  readonly answer: readonly number[]
  /** The variant's id. */
  readonly told: string
  /** Milliseconds: the longest stretch without a turn of the event loop, and the longest task that the browser calls long (0: none above 50). */
  readonly longest: number
  readonly longestTask: number
}

export interface Visit extends Told {
  /** Bytes that came over the network, headers and all. */
  readonly transferred: number
}

/** Mbit/s up and down, and milliseconds to and fro. */
export interface Link {
  readonly mbits: number
  readonly latency: number
}

export function servePages(folder: string): Promise<FolderServer> {
  return serveFolder(folder, { brotli: true, lasting: /\/assets\// })
}

/** Opens a page and waits until it has settled. */
export async function visit(page: Page, url: string, { link, timeout = 60_000 }: { link?: Link; timeout?: number } = {}): Promise<Visit> {
  const devtools = await page.context().newCDPSession(page)
  let transferred = 0
  devtools.on('Network.loadingFinished', ({ encodedDataLength }) => void (transferred += encodedDataLength))
  await devtools.send('Network.enable')
  if (link) {
    const throughput = (link.mbits * 1e6) / 8
    const conditions = { offline: false, latency: link.latency, downloadThroughput: throughput, uploadThroughput: throughput }
    await devtools.send('Network.emulateNetworkConditions', conditions)
  }
  await page.goto(url)
  await page.waitForFunction(() => (globalThis as any).bench?.settled, undefined, { timeout })
  const told = await page.evaluate(() => (globalThis as any).bench as Told)
  if (told.failed) throw new Error(`${url}: ${told.failed}`)
  await devtools.detach()
  return { ...told, transferred }
}

/**
 * The most memory that a tab's process ever had, KiB, over one visit in a browser of its own: `VmHWM` of its renderer, which the kernel keeps, so
 * that nothing falls between two looks. (`performance.measureUserAgentSpecificMemory` tells of a moment, and collects garbage first.)
 */
export async function peakOf(url: string): Promise<number> {
  const browser = await launchBrowser({ webgpu: true })
  try {
    await visit(await browser.newPage(), url, { timeout: 300_000 })
    return Math.max(...(await Promise.all((await renderers(browser)).map(highWater))))
  } finally {
    await browser.close()
  }
}

async function renderers(browser: Browser): Promise<number[]> {
  const devtools = await browser.newBrowserCDPSession()
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo')
  await devtools.detach()
  return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
}

async function highWater(id: number): Promise<number> {
  const status = await readFile(`/proc/${id}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1])
}

/** The first visit and the second, in a profile of its own. Between them what a browser keeps behind the page's back gets its time. */
export async function twoVisits(browser: Browser, url: string, link: Link): Promise<[Visit, Visit]> {
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    const first = await visit(page, url, { link })
    await sleep(2000)
    await page.close()
    return [first, await visit(await context.newPage(), url, { link })]
  } finally {
    await context.close()
  }
}

export function address(server: FolderServer, page: PageName, query = ''): string {
  return `${server.url}${page}/${query}`
}

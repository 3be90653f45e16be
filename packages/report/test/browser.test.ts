import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, type Page, launchBrowser } from '@whittle/browser'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { reportHtml } from '../src/index.ts'
import { compiled, net } from './project.ts'

let browser: Browser
let [folder, url] = ['', '']
const clean: (() => Promise<void>)[] = []
beforeAll(async () => {
  const result = await compiled(net(true), 'int8&target=wasm', (run) => clean.push(run))
  folder = await mkdtemp(join(tmpdir(), 'whittle-report-page-'))
  await writeFile(join(folder, 'report.html'), await reportHtml([result]))
  url = pathToFileURL(join(folder, 'report.html')).href
  browser = await launchBrowser()
}, 300_000)
afterAll(async () => {
  await browser?.close()
  await rm(folder, { recursive: true, force: true })
  for (const run of clean) await run()
})

async function open(options: {
  width: number
  colorScheme?: 'light' | 'dark'
}): Promise<{ page: Page; problems: string[]; requests: string[] }> {
  const page = await browser.newPage({ viewport: { width: options.width, height: 800 }, colorScheme: options.colorScheme })
  const problems: string[] = []
  const requests: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => problems.push(message.text()))
  page.on('request', (request) => requests.push(request.url()))
  await page.goto(url)
  return { page, problems, requests }
}

it('sorts by each column, both ways, and leaves rows that hold the filter’s text', async () => {
  const { page, problems, requests } = await open({ width: 1200 })
  const bits = () =>
    page.$$eval('.sortable tbody tr:not([hidden]) td:nth-child(3)', (cells) => cells.map((cell) => cell.textContent!.trim()))
  const heads = page.locator('.sortable thead button')
  expect(await heads.count()).toBe(12)
  expect(await bits()).toEqual(['32×16×3×3', '32×10'])
  await heads.nth(7).click()
  expect(await bits()).toEqual(['32×10', '32×16×3×3'])
  expect(await page.$$eval('.sortable th[aria-sort]', (cells) => cells.map((cell) => cell.getAttribute('aria-sort')))).toEqual([
    'ascending',
  ])
  await heads.nth(7).click()
  expect(await bits()).toEqual(['32×16×3×3', '32×10'])
  await heads.nth(1).press('Enter')
  expect(await bits()).toEqual(['32×16×3×3', '32×10'])
  await page.getByLabel('Filter').fill('GEMM')
  expect(await bits()).toEqual(['32×10'])
  expect(await page.textContent('.shown')).toBe('1 of 2')
  // Names in the model that are scripts did not run, nothing was fetched, and nobody complained.
  expect(await page.evaluate(() => 'hacked' in window)).toBe(false)
  expect([problems, requests]).toEqual([[], [url]])
  await page.close()
})

it.each([390, 1200])('is no wider than a screen of %d pixels, and reads in light and dark', async (width) => {
  const colours: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await open({ width, colorScheme })
    for (const details of await page.$$('summary')) await details.click()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
    const shown = await page.$$eval('figure svg', (plots) => plots.map((plot) => plot.getBoundingClientRect().width))
    expect(shown.filter((size) => size > 0)).toHaveLength(1)
    // Contrast of every text with what is behind it, as WCAG 2.2 counts it: 4.5 at least.
    expect(await page.evaluate(leastContrast)).toBeGreaterThanOrEqual(4.5)
    colours.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor))
    await page.close()
  }
  expect(new Set(colours).size).toBe(2)
})

/** In the page. */
function leastContrast(): number {
  const numbers = (text: string): number[] => (text.match(/[\d.]+/g) ?? []).map(Number)
  const luminance = (text: string): number => {
    const [r, g, b] = numbers(text).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4)) as [
      number,
      number,
      number,
    ]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element: Element | null): string => {
    const colour = element ? getComputedStyle(element).backgroundColor : 'rgb(255, 255, 255)'
    return element && numbers(colour)[3] === 0 ? behind(element.parentElement) : colour
  }
  const texts = [...document.body.querySelectorAll('*')].filter(
    (element) =>
      !(element instanceof SVGElement) && [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim()),
  )
  return Math.min(
    ...texts
      .filter((element) => element.tagName !== 'SCRIPT')
      .map((element) => {
        const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))]
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
      }),
  )
}

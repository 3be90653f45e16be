import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, type FolderServer, type Page, launchBrowser, serveFolder } from '@whittle/browser'
import { tfjsEngine } from '@whittle/compiler'
import { wasmEngine } from '@whittle/engine'
import { Tensor } from '@whittle/ir'
import { whittle } from '@whittle/rollup-plugin'
import { createCanvas, loadImage } from '@napi-rs/canvas'
import { build, defaultClientConditions } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clickAndWait, demoOf, open, samplesOf } from '../scripts/drive.mjs'
import { prepare } from '../scripts/prepare.mjs'
import { INPUT_DIMS, type Picture, toInput } from '../src/picture.ts'
import { samples } from '../src/samples.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The WebGPU adapter of a headless browser is software. */
const SLOW = 300_000

let folder: string
let server: FolderServer

beforeAll(async () => {
  await prepare()
  await mkdir(join(root, '.whittle'), { recursive: true })
  folder = await mkdtemp(join(root, '.whittle/test-'))
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [whittle({ summary: false, progress: false })],
    // From the sources, as every test here.
    resolve: { conditions: ['@whittle/source', ...defaultClientConditions] },
    build: { outDir: folder },
  })
  server = await serveFolder(folder)
}, SLOW)

afterAll(async () => {
  await server?.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

describe('the built app on the CPU', () => {
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    browser = await launchBrowser()
    page = await browser.newPage()
    await open(page, `${server.url}?device=wasm`)
  })

  afterAll(() => browser?.close())

  it('says of every sample what it shows, and the contrary when it is turned', async () => {
    const shown = await samplesOf(page)
    expect(shown).toEqual(samples.map(({ name, turned }) => ({ name, turned })))
    for (const { name, turned } of shown) {
      expect(await clickAndWait(page, `[data-sample=${name}]`)).toMatchObject({ name, upsideDown: turned })
      await expectVerdict(page, turned)
      expect(await clickAndWait(page, '#turn')).toMatchObject({ name: `${name}, turned`, upsideDown: !turned })
      await expectVerdict(page, !turned)
    }
  })

  it('gives the probabilities that the build’s own engine gives', async () => {
    for (const { name } of samples) {
      const answer = await clickAndWait(page, `[data-sample=${name}]`)
      const [upright, upsideDown] = await probabilitiesOf(name)
      expect(answer.probability).toBeCloseTo(Math.max(upright, upsideDown), 4)
    }
  })

  it('shows device, variant, bytes downloaded, bytes beside fp32’s, and time', async () => {
    const demo = await demoOf(page)
    expect(await page.textContent('#device')).toBe('CPU (small runtime)')
    expect(await page.textContent('#variant')).toBe(demo.variant)
    expect(demo.bytes!.downloaded).toBe(demo.bytes!.total)
    const kilobytes = (demo.bytes!.total / 1000).toFixed(1)
    expect(await page.textContent('#bytes')).toBe(`${kilobytes} of ${kilobytes} kB`)
    expect(await page.textContent('#time')).toMatch(/^\d+(\.\d)? ms$/)
    const [small, original] = await Promise.all(['#size-variant', '#size-original'].map((id) => page.textContent(id)))
    expect(parseFloat(small!)).toBeLessThan(0.3 * parseFloat(original!))
    expect(await page.isHidden('#loading')).toBe(true)
  })

  it('has a row for each variant: the one that runs, and why not the others', async () => {
    const { decisions, variant } = await demoOf(page)
    expect(await decisionsOn(page)).toEqual(decisions!.map(({ variant, outcome, reason }) => [variant, WORDS[outcome], reason]))
    expect(await decisionsOn(page)).toEqual([
      [variant, 'chosen', 'the first in order'],
      [expect.stringContaining('webgpu'), 'not tried', 'not among devices [wasm]'],
    ])
  })

  it('takes the small runtime before a GPU for so small a model, and says of a second visit that nothing was downloaded', async () => {
    const context = await browser.newContext()
    try {
      const first = await context.newPage()
      const { bytes } = await open(first, server.url)
      expect(await decisionsOn(first)).toEqual([
        [expect.stringContaining('tfjs'), 'chosen', 'the first in order'],
        [expect.stringContaining('webgpu'), 'not tried', expect.stringContaining('was started')],
      ])
      await first.waitForFunction(async () => (await (await caches.open('whittle')).keys()).some(({ url }) => url.includes('/model/')))
      const second = await context.newPage()
      await open(second, server.url)
      expect(await second.textContent('#bytes')).toBe(`0.0 of ${(bytes!.total / 1000).toFixed(1)} kB`)
    } finally {
      await context.close()
    }
  })

  it('takes a picture of the user’s own', async () => {
    const before = (await demoOf(page)).answers.length
    await page.setInputFiles('#file', { name: 'mine.png', mimeType: 'image/png', buffer: await samplePng('garden') })
    await page.waitForFunction((count) => window.__whittleDemo.answers.length > count, before)
    expect((await demoOf(page)).answers.at(-1)).toMatchObject({ name: 'mine.png', upsideDown: true })
    expect(await page.getAttribute('#picture', 'aria-label')).toContain('mine.png')
  })

  it('says of a dropped file that is no picture what it is and what to do, and goes on', async () => {
    await drop(page, 'notes.txt', 'not a picture')
    await page.waitForSelector('#error:not([hidden])')
    expect(await page.textContent('#error')).toBe('notes.txt is not a picture that this browser can read. Choose a PNG, JPEG or WebP file.')
    await clickAndWait(page, '[data-sample=harbor]')
    expect(await page.isHidden('#error')).toBe(true)
  })

  it('says of an empty file that it is empty', async () => {
    await drop(page, 'empty.png', '')
    await page.waitForSelector('#error:not([hidden])')
    expect(await page.textContent('#error')).toBe('empty.png is empty. Choose another picture.')
  })

  it('says in words when the model is not there', async () => {
    const broken = await browser.newPage()
    await broken.route('**/*.whittle', (route) => route.fulfill({ status: 404 }))
    await expect(open(broken, `${server.url}?device=wasm`)).rejects.toThrow(/404/)
    expect(await broken.textContent('#answer')).toBe('The model could not be loaded')
    expect(await broken.textContent('#error')).toMatch(/404/)
    expect(await decisionsOn(broken)).toContainEqual([expect.stringContaining('tfjs'), 'failed', expect.stringContaining('404')])
    await broken.close()
  })

  it('fits a phone without scrolling sideways', async () => {
    await page.setViewportSize({ width: 360, height: 740 })
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
  })
})

describe('the built app on WebGPU', () => {
  it(
    'classifies a picture as the build’s own engine does',
    async () => {
      const browser = await launchBrowser({ webgpu: true })
      try {
        const page = await browser.newPage()
        const { device, answers } = await open(page, `${server.url}?device=webgpu`, SLOW)
        const [upright, upsideDown] = await probabilitiesOf(samples[0]!.name)
        expect(device).toBe('webgpu')
        expect(answers[0]).toMatchObject({ name: samples[0]!.name, upsideDown: samples[0]!.turned })
        expect(answers[0]!.probability).toBeCloseTo(Math.max(upright, upsideDown), 3)
      } finally {
        await browser.close()
      }
    },
    SLOW,
  )
})

const WORDS: Record<string, string> = { chosen: 'chosen', unavailable: 'not available here', failed: 'failed', skipped: 'not tried' }

/** The table's rows, cell by cell. */
function decisionsOn(page: Page): Promise<(string | null)[][]> {
  return page.locator('#decisions tr').evaluateAll((rows) => rows.map((row) => [...row.children].map(({ textContent }) => textContent)))
}

async function expectVerdict(page: Page, turned: boolean): Promise<void> {
  expect(await page.textContent('#answer')).toBe(turned ? 'Upside down' : 'Upright')
  expect(await page.textContent('#certainty')).toMatch(/^(\d+\.\d|over 99\.9) %$/)
}

/** What the model that the page fetched last gives for a sample, in the engine that builds use. */
async function probabilitiesOf(name: string): Promise<[number, number]> {
  const address = server.requests.findLast((path) => /\.(onnx|whittle)$/.test(path))
  const engine = address!.endsWith('.whittle') ? tfjsEngine() : wasmEngine()
  const session = await engine.open(await readFile(join(folder, address!)))
  try {
    const outputs = await session.run({ x: Tensor.float32(INPUT_DIMS, toInput(await pixelsOf(name))) })
    const [upright, upsideDown] = Object.values(outputs)[0]!.toFloat32()
    return [upright!, upsideDown!]
  } finally {
    await session.dispose()
  }
}

async function pixelsOf(name: string): Promise<Picture> {
  const image = await loadImage(await samplePng(name))
  const context = createCanvas(image.width, image.height).getContext('2d')
  context.drawImage(image, 0, 0)
  return context.getImageData(0, 0, image.width, image.height)
}

function samplePng(name: string): Promise<Buffer> {
  return readFile(join(folder, 'samples', `${name}.png`))
}

async function drop(page: Page, name: string, text: string): Promise<void> {
  const dataTransfer = await page.evaluateHandle(
    ([name, text]) => {
      const transfer = new DataTransfer()
      transfer.items.add(new File(text ? [text] : [], name))
      return transfer
    },
    [name, text] as const,
  )
  await page.dispatchEvent('#stage', 'drop', { dataTransfer })
}

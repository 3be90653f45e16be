// Compresses the example's model, prints what that costs and saves, builds the app and serves it.
//
//   npm run demo                keeps serving until Ctrl-C
//   npm run demo -- --check     opens the app in a headless browser, classifies its pictures, saves a screenshot, and ends
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { nx, root, setup } from './setup.mjs'

const example = path.join(root, 'examples/text-direction')
const dist = path.join(example, 'dist')
const screenshot = path.join(example, '.whittle/screenshot.png')

/** As in examples/text-direction/src/classify.ts; the targets and the samples stand in its whittle.config.ts. */
const QUERY = 'int8&prune=0.3'
const LINES = 1000
/** A GPU that the CPU computes: right, and slow. */
const SOFTWARE_GPU_TIMEOUT = 240_000

try {
  setup()
  step('Building the packages')
  if (nx(['run-many', '-t', 'build', '-p', 'packages/*', '--outputStyle', 'static']) !== 0) throw new Error('a package could not be built')
  await compress()
  step('Building the app')
  const { build } = await import('vite')
  await build({ root: example, logLevel: 'warn' })
  await (process.argv.includes('--check') ? check() : serve())
} catch (error) {
  console.error(`\nThe demo failed: ${error.message}`)
  process.exit(1)
}

async function compress() {
  const { prepare } = await import('../../examples/text-direction/scripts/prepare.mjs')
  await prepare()
  const compiler = await import('@whittle/compiler')
  const engine = await import('@whittle/engine')
  const file = path.join(example, 'src/direction.onnx')
  const started = performance.now()
  step(`Compressing examples/text-direction/src/direction.onnx?${QUERY}`)
  const { manifest, artefacts, cached } = await compiler.compile({
    file,
    query: QUERY,
    root: example,
    smallRuntime: true,
    importer: path.join(example, 'src/classify.ts'),
    onProgress: ({ step: name, variant, done, total }) => progress(`${variant ? `${variant}: ` : ''}${name}`, done, total),
  })
  progress()
  console.log(cached ? 'Taken from the cache.' : `Done in ${((performance.now() - started) / 1000).toFixed(1)} s.`)

  const modules = { '@whittle/engine': engine, '@whittle/compiler': compiler }
  const { exports: measuring } = await engine.loadModule('data/measure.ts', { root: example, modules })
  const candidates = manifest.variants.map(({ id, target, files }) => ({
    name: id,
    model: artefacts.find(({ sha256 }) => sha256 === files[0].sha256).bytes,
    timed: target === 'wasm',
  }))
  const rows = await measuring.measure(await readFile(file), candidates, {
    lines: LINES,
    onProgress: (done, total) => progress('reading drawn lines in wasm', done, total),
  })
  progress()
  console.log(`\n${await tableOf(rows)}`)
  console.log(`\nAccuracy on ${LINES} drawn lines that the calibration has not seen, in points against fp32 on the same lines.`)
  console.log('Time is the median ratio to fp32 in the same rounds, one thread; a variant for the GPU is not timed.')
}

async function tableOf(rows) {
  const { default: Table } = await import('cli-table3')
  const head = ['variant', 'bytes', 'brotli', 'of fp32', 'accuracy', 'difference, 95 % interval', 'time']
  const table = new Table({ head, colAligns: head.map((_, at) => (at === 0 ? 'left' : 'right')), style: { head: [], border: [] } })
  const signed = (points) => `${points < 0 ? '-' : '+'}${Math.abs(points).toFixed(2)}`
  for (const [index, { variant, bytes, brotli, share, accuracy, difference, interval, time }] of rows.entries())
    table.push([
      variant,
      bytes.toLocaleString('en-GB'),
      brotli.toLocaleString('en-GB'),
      `${(100 * share).toFixed(1)} %`,
      `${(100 * accuracy).toFixed(1)} %`,
      index === 0 ? '' : `${signed(difference)} (${interval.map(signed).join(' to ')})`,
      time === null ? '' : time.toFixed(2),
    ])
  return table.toString()
}

async function serve() {
  const { serveFolder } = await import('@whittle/browser')
  const { url } = await serveFolder(dist, { port: 4173 }).catch(() => serveFolder(dist))
  console.log(`\nThe app is at ${url}  (Ctrl-C ends it)`)
}

async function check() {
  const { launchBrowser, serveFolder } = await import('@whittle/browser')
  const drive = await import('../../examples/text-direction/scripts/drive.mjs')
  const server = await serveFolder(dist)
  try {
    await withPage(launchBrowser, {}, async (page) => {
      const { variant } = await drive.open(page, `${server.url}?device=wasm`)
      for (const { name, turned } of await drive.samplesOf(page)) {
        expectAnswer(await drive.clickAndWait(page, `[data-sample=${name}]`), turned, variant)
        expectAnswer(await drive.clickAndWait(page, '#turn'), !turned, variant)
      }
      await mkdir(path.dirname(screenshot), { recursive: true })
      await page.screenshot({ path: screenshot, fullPage: true })
      console.log(`Screenshot: ${path.relative(root, screenshot)}`)
    })
    await withPage(launchBrowser, { webgpu: true }, async (page) => {
      const { variant, answers } = await drive.open(page, `${server.url}?device=webgpu`, SOFTWARE_GPU_TIMEOUT)
      const [first] = await drive.samplesOf(page)
      expectAnswer(answers[0], first.turned, variant)
    })
    console.log('\nThe check passed.')
  } finally {
    await server.close()
  }
}

async function withPage(launchBrowser, options, use) {
  const browser = await launchBrowser(options)
  try {
    await use(await browser.newPage({ viewport: { width: 1180, height: 860 } }))
  } finally {
    await browser.close()
  }
}

function expectAnswer({ name, upsideDown, probability, milliseconds }, turned, variant) {
  const said = `${upsideDown ? 'upside down' : 'upright'}, ${(100 * probability).toFixed(1)} %`
  console.log(`${variant}: ${name}: ${said}, ${milliseconds.toFixed(1)} ms`)
  if (upsideDown !== turned) throw new Error(`${variant} says ${said} of ${name}, which is ${turned ? 'upside down' : 'upright'}`)
}

function step(what) {
  console.log(`\n${what}`)
}

/** One line that is written over; without arguments it is removed. Only where somebody looks on. */
function progress(what, done, total) {
  if (!process.stderr.isTTY) return
  process.stderr.write(`\r\x1b[K${what === undefined ? '' : `${what} ${done}${total === undefined ? '' : ` of ${total}`}`}`)
}

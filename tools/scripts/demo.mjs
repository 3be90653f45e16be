// Compresses the example's model, prints what that costs and saves, builds the app and serves it.
//
//   npm run demo                keeps serving until Ctrl-C
//   npm run demo -- --check     opens the app in a headless browser, classifies its pictures, saves a screenshot, and ends
import { spawn } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const example = path.join(root, 'examples/text-direction')
const screenshot = path.join(example, '.whittle/screenshot.png')
const checking = process.argv.includes('--check')

/** As in examples/text-direction/src/classify.ts, with the targets and the samples of its whittle.config.ts. */
const QUERY = 'int8&prune=0.3'
const LINES = 1000
/** A GPU that is computed by the CPU: right, and slow. */
const SOFTWARE_GPU_TIMEOUT = 240_000

try {
  await run(path.join(root, 'tools/scripts/setup.mjs'))
  await step('Building the packages', () =>
    run(bin('nx'), ['run-many', '-t', 'build', '--projects', 'packages/*', '--outputStyle', 'static']),
  )
  await compress()
  await step('Building the app', () => run(bin('vite'), ['build'], example))
  await (checking ? check() : serve())
} catch (error) {
  console.error(`\nThe demo failed: ${error.message}`)
  process.exit(1)
}

async function compress() {
  const { prepare } = await import(path.join(example, 'scripts/prepare.mjs'))
  await step("Fetching the example's model and drawing its pictures", prepare)
  const { compile } = await import('@whittle/compiler')
  const engine = await import('@whittle/engine')
  const file = path.join(example, 'src/direction.onnx')
  const started = performance.now()
  console.log(`\nCompressing src/direction.onnx?${QUERY}`)
  const { manifest, artefacts, cached } = await compile({
    file,
    query: QUERY,
    root: example,
    importer: path.join(example, 'src/classify.ts'),
    onProgress: ({ step: name, variant, done, total }) => progress(`${variant ? `${variant}: ` : ''}${name}`, done, total),
  })
  progress()
  console.log(cached ? 'Taken from the cache.' : `Done in ${((performance.now() - started) / 1000).toFixed(1)} s.`)

  const modules = { '@whittle/engine': engine }
  const { exports: measuring } = await engine.loadModule('data/measure.ts', { root: example, modules })
  const { exports: drawing } = await engine.loadModule('data/table.ts', { root: example })
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
  console.log(`\n${drawing.tableOf(rows)}`)
  console.log(`\nAccuracy on ${LINES} drawn lines that the calibration has not seen, in points against fp32 on the same lines.`)
  console.log('Time is the median ratio to fp32 in the same rounds, one thread; a variant for the GPU is not timed.')
}

async function serve() {
  const { serveFolder } = await import('@whittle/browser')
  const dist = path.join(example, 'dist')
  const { url } = await serveFolder(dist, { port: 4173 }).catch(() => serveFolder(dist))
  console.log(`\nThe app is at ${url}  (Ctrl-C ends it)`)
}

async function check() {
  const { launchBrowser, serveFolder } = await import('@whittle/browser')
  const drive = await import(path.join(example, 'scripts/drive.mjs'))
  const server = await serveFolder(path.join(example, 'dist'))
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

async function step(what, action) {
  console.log(`\n${what}`)
  await action()
}

/** One line that is written over; without arguments it is removed. Only where somebody looks on. */
function progress(what, done, total) {
  if (!process.stderr.isTTY) return
  process.stderr.write(`\r\x1b[K${what === undefined ? '' : `${what} ${done}${total === undefined ? '' : ` of ${total}`}`}`)
}

/** The script of an installed command. */
function bin(name) {
  const require = createRequire(path.join(root, 'package.json'))
  const manifest = require.resolve(`${name}/package.json`)
  const { bin: bins } = require(manifest)
  return path.join(path.dirname(manifest), typeof bins === 'string' ? bins : bins[name])
}

/** Runs a script by this very Node. */
function run(script, args = [], cwd = root) {
  return new Promise((resolve, reject) => {
    spawn(process.execPath, [script, ...args], { cwd, stdio: 'inherit' })
      .on('error', reject)
      .on('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`${[path.basename(script), ...args].join(' ')} ended with ${code}`)),
      )
  })
}

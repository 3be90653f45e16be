// `npm run conformance [-- FOLDER | -- --real [NODE_MODULES]]`: ONNX's own test models, or real ones, through reading, upgrading, simplifying
// and running. `--fixture FILE` writes the slice that the tests run.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { root, setup } from './setup.mjs'

const cache = path.join(root, 'node_modules/.cache/whittle-conformance')
const PACKAGE = 'libonnx-testdata'

main().catch((error) => {
  console.error(error.message ?? error)
  process.exitCode = 2
})

async function main() {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { real: { type: 'boolean' }, fixture: { type: 'string' } } })
  setup()
  await bundle()
  const folder = values.real ? positionals : [path.resolve(positionals[0] ?? fetchTestData())]
  const program = path.join(cache, values.real ? 'real.mjs' : values.fixture ? 'make-fixture.mjs' : 'main.mjs')
  const { status } = spawnSync(process.execPath, [program, ...folder, ...(values.fixture ? [values.fixture] : [])], { stdio: 'inherit' })
  process.exitCode = status ?? 1
}

/** One file for each program, from the packages' sources: nothing needs to be built before. */
async function bundle() {
  const { build } = await import('rolldown')
  const source = path.join(root, 'tools/conformance/src')
  await build({
    input: Object.fromEntries(['main', 'worker', 'real', 'make-fixture'].map((name) => [name, path.join(source, `${name}.ts`)])),
    platform: 'node',
    external: [/^onnxruntime-/, /^jiti/, /^vite/],
    resolve: { conditionNames: ['@whittle/source', 'node', 'import', 'default'] },
    logLevel: 'silent',
    output: { dir: cache, entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs', cleanDir: false },
  })
}

/** Debian's package of ONNX's test models, unpacked; fetched once. @returns {string} the folder of the models */
function fetchTestData() {
  const unpacked = path.join(cache, PACKAGE)
  const data = path.join(unpacked, 'usr/share/libonnx-testdata/data')
  if (existsSync(data)) return data
  mkdirSync(unpacked, { recursive: true })
  try {
    execFileSync('apt-get', ['download', PACKAGE], { cwd: cache, stdio: ['ignore', 2, 2] })
    const [file] = readdirSync(cache).filter((name) => name.startsWith(PACKAGE) && name.endsWith('.deb'))
    execFileSync('dpkg-deb', ['-x', path.join(cache, file), unpacked], { stdio: ['ignore', 2, 2] })
  } catch (error) {
    rmSync(unpacked, { recursive: true, force: true })
    throw new Error(
      `Debian's ${PACKAGE} cannot be fetched (${error.message}). Give the folder of ONNX's backend tests: npm run conformance -- FOLDER`,
    )
  }
  return data
}

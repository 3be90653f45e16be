import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { whittle } from '@whittle/rollup-plugin'
import { prepare } from 'example-text-direction/prepare'
import { build } from 'vite'
import { brotliFile } from '../brotli.ts'
import { cache } from '../peers.ts'

const example = dirname(dirname(fileURLToPath(import.meta.resolve('example-text-direction/measure'))))
const sources = fileURLToPath(new URL('pages/', import.meta.url))

/**
 * `whittle`: the example's import. `plain`: the original through `onnxruntime-web/wasm`, `default`: through `onnxruntime-web`, both with their
 * default settings. `worker`: the example's import in a worker. `empty`: nothing.
 */
export const PAGES = ['whittle', 'plain', 'default', 'worker'] as const
export type PageName = (typeof PAGES)[number] | 'empty'

/** Builds the pages with Vite, each into a folder of its own, and compresses every file as a host does beforehand. */
export async function buildPages(log: (line: string) => void): Promise<string> {
  await prepare()
  const folder = join(cache, 'runtime')
  await rm(folder, { recursive: true, force: true })
  for (const name of PAGES) {
    log(`building the page ${name}`)
    await buildPage(name, join(folder, name))
  }
  await mkdir(join(folder, 'empty'))
  await writeFile(join(folder, 'empty/index.html'), '<!doctype html><title>empty</title><script>bench = { settled: true }</script>')
  log('compressing what the pages fetch')
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile() && !entry.name.endsWith('.png')) {
      const file = join(entry.parentPath, entry.name)
      await writeFile(`${file}.br`, await brotliFile(await readFile(file)))
    }
  return folder
}

async function buildPage(name: (typeof PAGES)[number], outDir: string): Promise<void> {
  const compressed = () => whittle({ root: example, cache: join(cache, 'whittle'), types: false, summary: false, progress: false })
  const own = name === 'whittle' || name === 'worker'
  await build({
    root: join(sources, name),
    base: `/${name}/`,
    configFile: false,
    logLevel: 'error',
    resolve: { alias: { '@model': join(example, 'src') } },
    plugins: own ? [compressed()] : [],
    worker: { format: 'es', plugins: () => (own ? [compressed()] : []) },
    build: { outDir, emptyOutDir: true, modulePreload: { polyfill: false } },
  })
}

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import type { Browser, Page } from '@whittle/browser'
import { writeOnnx } from '@whittle/ir/onnx'
import { buildModel } from '@whittle/testing'
import { rollup, type Plugin } from 'rollup'
import ts from 'typescript'
import * as vite8 from 'vite'
import * as vite7 from 'vite7'
import { expect } from 'vitest'
import { whittle, type WhittleOptions, type WhittlePlugin } from '../src/index.ts'

/** An app in a folder of its own. */
export interface App {
  readonly root: string
  at(file: string): string
  write(file: string, content: string | Uint8Array): void
  read(file: string): string
  /** Relative paths of all files below a folder. */
  files(folder: string): string[]
  remove(file?: string): void
}

/** A classifier of 8 numbers: big enough for int8 to show, small enough for a GPU made of software. */
export function tinyModel(classes = 3): Uint8Array {
  return writeOnnx(
    buildModel((b) => {
      const hidden = b.node('Relu', [b.node('MatMul', [b.input('x', ['N', 8]), b.weight('w1', [8, 64])])])
      b.output(b.node('MatMul', [hidden, b.weight('w2', [64, classes])]), 'y')
    }, 'tiny'),
  )
}

export function createApp(files: Record<string, string | Uint8Array>): App {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'whittle-app-')))
  const app: App = {
    root,
    at: (file) => path.join(root, file),
    write(file, content) {
      mkdirSync(path.dirname(app.at(file)), { recursive: true })
      writeFileSync(app.at(file), content)
    },
    read: (file) => readFileSync(app.at(file), 'utf8'),
    files: (folder) =>
      readdirSync(app.at(folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(app.at(folder), path.join(entry.parentPath, entry.name)))
        .sort(),
    remove: (file = '.') => rmSync(app.at(file), { recursive: true, force: true }),
  }
  symlinkSync(fileURLToPath(new URL('../../../node_modules', import.meta.url)), app.at('node_modules'), 'dir')
  for (const [file, content] of Object.entries(files)) app.write(file, content)
  return app
}

export type Bundler = 'rollup' | 'vite7' | 'vite8'

export interface BuildOptions extends WhittleOptions {
  base?: string
  /** Vite: build this entry for a server. */
  ssr?: string
}

export interface Built {
  readonly plugin: WhittlePlugin
  /** What the bundler was told to watch. */
  readonly watched: string[]
  /** What the bundler printed. */
  readonly log: string
  readonly warnings: string[]
}

/** The entry of the apps below. */
export const ENTRY = 'src/main.ts'

/** Builds an app into its `dist`. Vite's starts at `index.html`, Rollup's at {@link ENTRY}. */
export async function build(bundler: Bundler, app: App, { base = '/', ssr, ...options }: BuildOptions = {}): Promise<Built> {
  const plugin = whittle({ root: app.root, cache: app.at('.cache'), progress: false, ...options })
  const lines: string[] = []
  const warnings: string[] = []
  const watched: string[] = []
  spyOnWatchFiles(plugin, watched)
  if (bundler === 'rollup') {
    const bundle = await rollup({
      input: app.at(ENTRY),
      plugins: [plugin, typescript, nodeResolve({ browser: true, exportConditions: ['@whittle/source'] })],
      onLog: (level, log) => void (level === 'info' ? lines : warnings).push(log.message),
    })
    await bundle.write({ dir: app.at('dist'), format: 'es', assetFileNames: 'assets/[name]-[hash][extname]' })
    await bundle.close()
  } else {
    const info = (text: string): void => void lines.push(text)
    const warn = (text: string): void => void warnings.push(text)
    await vite(bundler).build({
      ...viteConfig(app),
      base,
      plugins: [plugin],
      customLogger: {
        info,
        warn,
        warnOnce: warn,
        error: warn,
        clearScreen: () => {},
        hasErrorLogged: () => false,
        hasWarned: false,
      },
      build: {
        ssr: ssr && app.at(ssr),
        outDir: app.at(ssr ? 'server' : 'dist'),
        emptyOutDir: true,
        assetsInlineLimit: 0,
        reportCompressedSize: false,
        modulePreload: { polyfill: false },
      },
    })
  }
  return { plugin, watched, log: lines.join('\n'), warnings }
}

/** The two Vites differ in their types, and not in what is used here. */
export function vite(bundler: 'vite7' | 'vite8'): typeof vite8 {
  return bundler === 'vite7' ? (vite7 as unknown as typeof vite8) : vite8
}

export function viteConfig(app: App): vite8.InlineConfig {
  return {
    root: app.root,
    configFile: false,
    cacheDir: app.at('.vite'),
    resolve: { conditions: ['@whittle/source', 'module', 'browser', 'development|production'] },
    ssr: { resolve: { conditions: ['@whittle/source', 'module', 'node', 'development|production'] }, noExternal: ['@whittle/runtime'] },
  }
}

export const html = (script: string): string =>
  `<!doctype html><html><head><title>app</title></head><body><script type="module" src="${script}"></script></body></html>`

export const typescript: Plugin = {
  name: 'typescript',
  transform(code, id) {
    if (!id.endsWith('.ts')) return null
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true }
    return { code: ts.transpileModule(code, { compilerOptions: options }).outputText, map: null }
  },
}

/** Not every bundler tells what it was asked to watch. */
function spyOnWatchFiles(plugin: WhittlePlugin, watched: string[]): void {
  const { load } = plugin as unknown as { load: { handler: (this: object, ...args: unknown[]) => unknown } }
  const { handler } = load
  load.handler = function (...args) {
    const addWatchFile = (file: string): void =>
      void (watched.push(file), (this as { addWatchFile(file: string): void }).addWatchFile(file))
    const context = new Proxy(this, {
      get: (target, key) => {
        const value = key === 'addWatchFile' ? addWatchFile : Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    return handler.apply(context, args)
  }
}

/** The app in a browser, as soon as it can be called; and the paths of what it asked for. */
export async function openApp(browser: Browser, url: string): Promise<{ page: Page; requests: string[] }> {
  const page = await browser.newPage()
  const requests: string[] = []
  const problems: string[] = []
  page.on('request', (request) => requests.push(new URL(request.url()).pathname))
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => void (message.type() === 'error' && problems.push(message.text())))
  await page.goto(url)
  await page.waitForFunction(() => 'run' in globalThis).catch(() => expect.unreachable(problems.join('\n')))
  return { page, requests }
}

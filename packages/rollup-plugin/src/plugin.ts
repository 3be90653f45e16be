import { createHash } from 'node:crypto'
import path from 'node:path'
import { createFilter, normalizePath } from '@rollup/pluginutils'
import type { PluginContext } from 'rollup'
import type { Plugin, ResolvedConfig } from 'vite'
import { createAssets } from './assets.ts'
import { createClock } from './clock.ts'
import { createCompilations } from './compilations.ts'
import type { Compiler, CompileResult } from './compiler.ts'
import { artefactPath, createMiddleware } from './dev-server.ts'
import { modelId, moduleFile, rebasePaths, splitId, type ModelImport } from './imports.ts'
import * as modules from './modules.ts'
import type { WhittleOptions } from './options.ts'
import { reportPage, writeReport } from './report-file.ts'
import { BUILDS, findRuntimePackage, compilerFile, findTfjsModule, resolveFrom, type Build, type RuntimePackage } from './runtime-files.ts'
import { createTypesFile } from './types-file.ts'

/** What other plugins and scripts may read, as `plugin.api`. */
export interface WhittleApi {
  /** Seconds spent in the plugin's own hooks since it was made. */
  readonly seconds: number
}

/** The plugin as an app sees it: its hooks are the bundler's business. */
export interface WhittlePlugin {
  readonly name: 'whittle'
  readonly enforce: 'pre'
  readonly api: WhittleApi
}

/** Cheap tests, so that bundlers need not call the plugin for anything else. */
const RESOLVED =
  /\.(onnx|tflite)(\?|$)|\.json(\.whittle)?\?(?!((url|raw|inline|no-inline|import|[tv]=[^&]*)(&|$))+$)|^virtual:whittle\/|^@whittle\/(runtime(\/parts)?|tfjs\/run)$/i
const LOADED = /\.(onnx|tflite)(\?|$)|\.json\.whittle\?|^\0virtual:whittle\//i

type Context = PluginContext & { environment?: { name: string; config: { consumer: string } } }

/** The plugin, with the compiler passed in: it is loaded when the first model is met. */
export function createPlugin(options: WhittleOptions, loadCompiler: () => Promise<Compiler>): WhittlePlugin {
  let root = path.resolve(options.root ?? process.cwd())
  let vite: ResolvedConfig | undefined
  let runtimePackage: RuntimePackage | undefined
  let failed = false
  const clock = createClock()
  const accepts = createFilter(options.include, options.exclude)
  const imports = new Map<string, ModelImport>()
  /** What the small runtimes of this app call, by key. */
  const kernels = new Map<string, CompileResult['kernels']>()
  const types = createTypesFile(options.types ?? 'whittle-models.d.ts')
  const compilations = createCompilations(options, loadCompiler)
  const runtime = (): RuntimePackage => (runtimePackage ??= findRuntimePackage(root))
  const served = () => (vite?.command === 'serve' ? (at: string) => `${vite?.server.origin ?? ''}${vite?.base ?? '/'}${at}` : undefined)
  const maxFile = options.maxFile ?? 25 * 2 ** 20
  const assets = createAssets({
    served,
    runtime,
    partsOf: async (file) => (await loadCompiler()).partsOf(file, maxFile),
    runtimeBase: options.runtimeBase,
  })

  const forServer = (context: Context, ssr?: boolean): boolean => ssr ?? context.environment?.config.consumer === 'server'
  const shown = (id: string): string => normalizePath(path.relative(root, splitId(id).file))

  function fail(context: Context, error: unknown, { id, source, importer }: { id?: string; source: string; importer?: string }): never {
    const { code, message, stack } = error as { code?: unknown; message?: string; stack?: string }
    const by = importer ? ` by ${shown(importer)}` : ''
    const text = `${message ?? String(error)}\n  imported as '${source}'${by}`
    // An error of ours says what to do; where it was thrown is of use only when it was not foreseen.
    return context.error(typeof code === 'string' ? { message: text, id, code, stack: '' } : { message: text, id, stack })
  }

  async function resolveModel(context: Context, source: string, importer: string | undefined, compiler: Compiler) {
    const { file, query } = splitId(source)
    const found = await context.resolve(file, importer, { skipSelf: true })
    if (found?.external) return null
    // A missing model keeps its id, so that loading says what is wrong, and a dev server sees when it is mended.
    const target = normalizePath(found ? splitId(found.id).file : missing(file, importer))
    if (!path.isAbsolute(target) || !accepts(target)) return null
    try {
      const rebased = importer
        ? rebasePaths(query, path.posix.dirname(normalizePath(splitId(importer).file)), path.posix.dirname(target))
        : query
      const canonical = compiler.canonicalQuery(rebased)
      const at = moduleFile(target)
      const id = canonical ? `${at}?${canonical}` : at
      if (importer || !imports.has(id)) imports.set(id, { file: target, query: canonical, written: query, source, importer })
      return id
    } catch (error) {
      return fail(context, error, { source, importer })
    }
  }

  function missing(file: string, importer?: string): string {
    if (file.startsWith('.') && importer) return path.resolve(path.dirname(splitId(importer).file), file)
    if (!path.isAbsolute(file)) return file
    if (file.startsWith('/@fs/')) return file.slice('/@fs'.length)
    return !vite || file.startsWith(`${normalizePath(root)}/`) ? file : path.join(root, file)
  }

  /** Found from the app's root, since the model may lie in a package that does not have it. */
  async function resolveRuntime(context: Context, source: string, importer?: string) {
    if (!importer || !LOADED.test(importer)) return null
    const found = await context.resolve(source, path.join(root, 'index.js'), { skipSelf: true })
    return found && !found.external ? found : (resolveFrom(root, source) ?? found)
  }

  /** Found from the compiler, which wrote the programs; by the bundler's own rules, where it knows them. */
  async function resolveTfjs(context: Context, source: string, importer?: string) {
    if (!importer || !LOADED.test(importer)) return null
    const found = await context.resolve(source, compilerFile(), { skipSelf: true })
    return found && !found.external ? found : normalizePath(findTfjsModule())
  }

  async function moduleOf(
    context: Context,
    result: CompileResult,
    compiler: Compiler,
    entry: ModelImport,
    server: boolean,
  ): Promise<string> {
    const { artefacts, report } = result
    // A dev server takes files of any size.
    const deployed = served() ? result : compiler.divideFiles(result, maxFile)
    switch (compiler.queryOutput(entry.query)) {
      case 'report':
        return modules.reportModule(report)
      case 'manifest':
        return modules.manifestModule(deployed.manifest, await assets.artefacts(context, deployed))
      case 'url': {
        const [artefact, ...others] = artefacts
        if (!artefact || others.length > 0) {
          const names = artefacts.map(({ name }) => name).join(', ')
          const message = `as=url gives one address, and this import makes ${artefacts.length} files (${names}); name one target, as in target=wasm`
          throw Object.assign(new Error(message), { code: 'OUTPUT_AMBIGUOUS' })
        }
        const at = served()
        const [address] = at ? [JSON.stringify(at(artefactPath(artefact)))] : (await assets.artefacts(context, result)).values()
        return modules.urlModule(address!)
      }
      default:
        return server
          ? modules.serverModule(result.manifest)
          : modules.modelModule(deployed.manifest, await assets.artefacts(context, deployed), keyOf(result.kernels))
    }
  }

  async function loadModel(context: Context, id: string, server: boolean) {
    const compiler = await loadCompiler()
    if (!compiler.isModelImport(modelId(id)) || !accepts(splitId(id).file)) return null
    const entry = imports.get(id) ?? { ...splitId(id), written: splitId(id).query, source: id }
    try {
      const reporter = { warn: (text: string) => context.warn(text), addWatchFile: (file: string) => context.addWatchFile(file) }
      const result = await compilations.get(id, entry, root, reporter)
      const code = await moduleOf(context, result, compiler, entry, server)
      types.add({ file: entry.file, query: entry.written, manifest: result.manifest })
      if (served()) await types.write(compiler, root).catch((error) => vite?.logger.error(`whittle: ${messageOf(error)}`))
      return { code, map: { mappings: '' as const }, moduleSideEffects: false, moduleType: 'js' }
    } catch (error) {
      return fail(context, error, { id, ...entry })
    }
  }

  /** Chunks are named after their modules, so that these have short names. */
  function keyOf(functions: CompileResult['kernels']): string | undefined {
    if (Object.keys(functions).length === 0) return undefined
    const key = createHash('sha256').update(JSON.stringify(functions)).digest('hex').slice(0, 8)
    kernels.set(key, functions)
    return key
  }

  async function loadTfjsModule(context: Context, id: string) {
    const key = id.slice(id.lastIndexOf('/') + 1)
    const code = id.startsWith(`\0${modules.KERNELS_MODULE}`)
      ? modules.kernelsModule(kernels.get(key)!)
      : modules.tfjsModule(key, await assets.tfjs(context))
    return { code, map: { mappings: '' as const }, moduleSideEffects: false, moduleType: 'js' }
  }

  async function loadRuntimeModule(context: Context, id: string) {
    const build = id.slice(1 + modules.RUNTIME_MODULE.length) as Build
    const code = modules.runtimeModule(build, await assets.runtime(context, build))
    return { code, map: { mappings: '' as const }, moduleSideEffects: false, moduleType: 'js' }
  }

  /** What the app's host will refuse, which shows only when it is deployed: what cannot be divided. */
  function tooLarge(context: Context): string[] {
    if (failed || served()) return []
    return [...assets.sizes(context)]
      .filter(([, bytes]) => bytes > maxFile)
      .map(([name, bytes]) => {
        const runtimeFile = name.startsWith('ort-')
        const cure = runtimeFile
          ? 'serve onnxruntime-web from elsewhere (runtimeBase), or import the model with target=wasm'
          : 'import the model without as=url, so that it can be divided, or with fewer bits'
        return `whittle: ${name} has ${(bytes / 1e6).toFixed(1)} MB, and some hosts take at most ${(maxFile / 1e6).toFixed(1)} MB a file: ${cure}; maxFile sets the limit`
      })
  }

  const plugin = {
    name: 'whittle',
    enforce: 'pre',
    api: {
      get seconds() {
        return clock.seconds
      },
    },

    // Optimizing would take both out of the place from which they find their files, and reload the page when the first model is met.
    config: () => ({
      optimizeDeps: {
        exclude: ['@whittle/runtime', '@whittle/runtime/parts', '@whittle/runtime/worker', '@whittle/tfjs', 'onnxruntime-web'],
      },
    }),

    configResolved(config) {
      vite = config
      root = path.resolve(options.root ?? config.root)
    },

    buildStart() {
      failed = false
      assets.begin(this)
    },

    resolveId: {
      order: 'pre',
      filter: { id: RESOLVED },
      async handler(source, importer) {
        const context = this as unknown as Context
        if ([modules.RUNTIME_MODULE, modules.TFJS_MODULE, modules.KERNELS_MODULE].some((start) => source.startsWith(start)))
          return `\0${source}`
        if (source.startsWith(modules.ORT_MODULE)) {
          return normalizePath(path.join(runtime().dist, BUILDS[source.slice(modules.ORT_MODULE.length) as Build].module))
        }
        if (source === '@whittle/tfjs/run') return resolveTfjs(context, source, importer)
        if (source === '@whittle/runtime' || source === modules.PARTS_MODULE) return resolveRuntime(context, source, importer)
        const compiler = await clock.track(loadCompiler)
        return compiler.isModelImport(modelId(source)) && !source.startsWith('\0')
          ? resolveModel(context, source, importer, compiler)
          : null
      },
    },

    load: {
      order: 'pre',
      filter: { id: LOADED },
      handler(id, hookOptions) {
        const context = this as unknown as Context
        return clock.track(async () => {
          if (id.startsWith(`\0${modules.RUNTIME_MODULE}`)) return loadRuntimeModule(context, id)
          if (id.startsWith(`\0${modules.TFJS_MODULE}`) || id.startsWith(`\0${modules.KERNELS_MODULE}`)) return loadTfjsModule(context, id)
          return id.startsWith('\0') ? null : loadModel(context, id, forServer(context, hookOptions?.ssr))
        })
      },
    },

    /** Code for a server knows no address of its own: there an emitted file's is its place below the base. */
    resolveFileUrl({ fileName, moduleId }) {
      const base = vite?.base ?? ''
      const server = (this as unknown as Context).environment?.config.consumer === 'server'
      return server && LOADED.test(moduleId) && /^(\/|https?:)/.test(base) ? JSON.stringify(`${base}${fileName}`) : null
    },

    watchChange: (file) => void compilations.invalidate(file),

    async buildEnd(error) {
      failed = error !== undefined
      if (failed || served()) return
      await clock.track(async () => {
        try {
          await types.write(await loadCompiler(), root)
        } catch (cause) {
          this.error({ message: messageOf(cause), stack: '' })
        }
      })
    },

    async closeBundle() {
      for (const text of tooLarge(this as unknown as Context)) {
        if (vite) vite.logger.warn(text)
        else this.warn(text)
      }
      const results = compilations.results()
      if (failed || served() || results.length === 0) return
      if ((this as unknown as Context).environment?.config.consumer === 'server') return
      await clock.track(async () => {
        if (options.report !== undefined) await writeReport(results, root, options.report)
        if (options.summary === false) return
        const text = (await loadCompiler()).summary(results)
        if (vite) vite.logger.info(text)
        else this.info(text)
      })
    },

    configureServer(server) {
      server.middlewares.use(
        createMiddleware({
          results: compilations.results,
          report: () => reportPage(compilations.results()),
          runtime,
          headers: () => server.config.server.headers,
        }),
      )
    },

    hotUpdate({ file, modules: affected }) {
      const { moduleGraph, hot } = this.environment
      const ours = compilations.dependents(file).flatMap((id) => moduleGraph.getModuleById(id) ?? [])
      if (ours.length === 0) return
      // Vite tells no page of a module that never loaded: one whose first compilation failed is mended by a reload of our own.
      if (ours.every((module) => module.isSelfAccepting !== undefined)) return [...new Set([...affected, ...ours])]
      for (const module of ours) moduleGraph.invalidateModule(module)
      hot.send({ type: 'full-reload' })
      return []
    },
  } satisfies Plugin & { api: WhittleApi }
  return plugin as WhittlePlugin
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

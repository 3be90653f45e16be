import { basename, dirname, relative } from 'node:path'
import { nativeEngine, wasmEngine } from '@whittle/engine'
import { WhittleError, silentLogger } from '@whittle/ir'
import { MANIFEST_FORMAT } from '@whittle/targets'
import { Cache, cacheFolder, sha256 } from './cache.ts'
import { findConfig } from './config.ts'
import { tfjsEngine } from './small-runtime/engine.ts'
import { shown } from './dataset.ts'
import type { Engines } from './stages.ts'
import type { CompileRequest, CompileResult } from './types.ts'
import { versionsKey } from './versions.ts'

/**
 * Compresses one imported model into the variants that its query asks for.
 * @throws {WhittleError} one of its kinds, whose message starts with the import as written: `models/net.onnx?int9: unknown directive...`.
 */
export async function compile(request: CompileRequest): Promise<CompileResult> {
  const start = performance.now()
  const label = `${shown(request.file, request.root)}${request.query ? `?${request.query}` : ''}`
  try {
    const configFile = request.config ? undefined : await findConfig(request.root)
    const engines = { native: nativeEngine(), wasm: wasmEngine(), tfjs: tfjsEngine() }
    const cache = request.cache === false ? undefined : new Cache(folderOf(request), request.root, request.logger ?? silentLogger)
    const key = requestKey(request, configFile, engines)
    const hit = await cache?.get(key)
    if (hit) return { ...hit, seconds: seconds(start) }
    // Readers, transforms and lowering are loaded when they are needed: a hit needs none of them.
    const { Build } = await import('./build.ts')
    const built = await new Build(request, engines, configFile, cache).run()
    const result: CompileResult = { ...built, cached: false, seconds: seconds(start) }
    const problem = await cache?.put(key, result)
    if (problem) {
      request.logger?.error(`${label}: ${problem}`)
      result.report.warnings.push(problem)
    }
    return result
  } catch (error) {
    if (error instanceof WhittleError && !error.message.startsWith(label))
      error.message = `${label}: ${withoutFile(error.message, request)}`
    throw error
  }
}

/** The label names the file already. */
function withoutFile(message: string, { file, root }: CompileRequest): string {
  for (const name of [file, shown(file, root)]) if (message.startsWith(`${name}: `)) return message.slice(name.length + 2)
  return message
}

function folderOf({ cache, root }: CompileRequest): string {
  return typeof cache === 'string' ? cache : cacheFolder(root)
}

function requestKey(request: CompileRequest, configFile: string | undefined, engines: Engines): string {
  const { config } = request
  const identity = {
    format: MANIFEST_FORMAT,
    file: relative(request.root, request.file),
    query: request.query,
    // A relative dataset starts at the importer's folder.
    from: relative(request.root, dirname(request.importer ?? request.file)),
    config: config
      ? { ...config, datasets: keysOf(config.datasets), metrics: keysOf(config.metrics) }
      : configFile
        ? basename(configFile)
        : null,
    smallRuntime: request.smallRuntime ?? false,
    versions: versionsKey([engines.native.key, engines.wasm.key, engines.tfjs.key]),
  }
  return `result:${sha256(JSON.stringify(identity))}`
}

/** What is no JSON has a key. */
function keysOf(named: Readonly<Record<string, string | { readonly key: string }>> = {}): [name: string, key: string][] {
  return Object.entries(named).map(([name, value]) => [name, typeof value === 'string' ? value : value.key])
}

function seconds(start: number): number {
  return Math.round(performance.now() - start) / 1000
}

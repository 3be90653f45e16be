import { basename, dirname, extname } from 'node:path'
import { brotliSize, nativeEngine, portsOf, wasmEngine } from '@whittle/engine'
import {
  BudgetError,
  type Context,
  type Dataset,
  type Engine,
  type Model,
  OptionError,
  type StepReport,
  type Target,
  WhittleError,
  compress,
  createRandom,
  inferShapes,
  silentLogger,
} from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { MANIFEST_FORMAT, type ManifestVariant, type Port } from '@whittle/targets'
import { Cache, cacheFolder, hashOfFile, sha256 } from './cache.ts'
import { findConfig, loadConfig } from './config.ts'
import { checkedDataset, findDataset, shown, syntheticDataset, take } from './dataset.ts'
import type { Alternative, Request } from './directives/directive.ts'
import { parseQuery } from './directives/parse.ts'
import { lower } from './lower/lower.ts'
import { describeRecipe, recipeOf } from './recipe.ts'
import { readSource } from './source.ts'
import type { Artefact, CompileRequest, CompileResult, Quality, VariantReport, WhittleConfig } from './types.ts'
import { pairsOf } from './variants.ts'
import { Reference } from './verify.ts'
import { versionsKey } from './versions.ts'

/** Samples on which a variant is compared with the original. */
const VERIFY_SAMPLES = 32

/**
 * Compresses one imported model into the variants that its query asks for.
 * @throws {WhittleError} one of its kinds, whose message starts with the import as written: `models/net.onnx?int9: unknown directive...`.
 */
export async function compile(request: CompileRequest): Promise<CompileResult> {
  const start = performance.now()
  const label = `${shown(request.file, request.root)}${request.query ? `?${request.query}` : ''}`
  try {
    const configFile = request.config ? undefined : await findConfig(request.root)
    const engines = { native: nativeEngine(), wasm: wasmEngine() }
    const cache = request.cache === false ? undefined : new Cache(folderOf(request), request.logger ?? silentLogger)
    const key = requestKey(request, configFile, engines)
    const hit = await cache?.get(key)
    if (hit) return { ...hit, seconds: seconds(start) }
    const build = await new Build(request, engines, configFile).run(start)
    if (cache) {
      const problem = await cache.put(key, build.result, await hashesOf(build.result.watch))
      if (problem) {
        request.logger?.error(`${label}: ${problem}`)
        build.result.report.warnings.push(problem)
      }
    }
    return build.result
  } catch (error) {
    if (error instanceof WhittleError && !error.message.startsWith(label)) error.message = `${label}: ${error.message}`
    throw error
  }
}

function folderOf({ cache, root }: CompileRequest): string {
  return typeof cache === 'string' ? cache : cacheFolder(root)
}

function requestKey(request: CompileRequest, configFile: string | undefined, engines: Engines): string {
  const { config } = request
  const datasets = Object.entries(config?.datasets ?? {}).map(([name, dataset]) => [name, typeof dataset === 'string' ? dataset : dataset.key])
  const identity = {
    format: MANIFEST_FORMAT,
    file: request.file,
    query: request.query,
    // A relative dataset starts at the importer's folder.
    from: dirname(request.importer ?? request.file),
    config: config ? { ...config, datasets, metrics: undefined } : (configFile ?? null),
    versions: versionsKey([engines.native.key, engines.wasm.key]),
  }
  return `result:${sha256(JSON.stringify(identity))}`
}

async function hashesOf(files: readonly string[]): Promise<Record<string, string | null>> {
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await hashOfFile(file)] as const)))
}

function seconds(start: number): number {
  return Math.round(performance.now() - start) / 1000
}

interface Engines {
  native: Engine
  wasm: Engine
}

/** One recipe, run; shared by all targets. */
interface Compressed {
  readonly model: Model
  readonly reports: StepReport[]
}

/** One import on its way from directives to artefacts. */
class Build {
  readonly #request: CompileRequest
  readonly #engines: Engines
  readonly #configFile: string | undefined
  readonly #watch = new Set<string>()

  constructor(request: CompileRequest, engines: Engines, configFile: string | undefined) {
    this.#request = request
    this.#engines = engines
    this.#configFile = configFile
  }

  async run(start: number): Promise<{ result: CompileResult }> {
    const { file, query, root } = this.#request
    this.#depend(file)
    const config = await this.#config()
    const request = parseQuery(query, config)
    this.#progress('reading', 0)
    const source = readSource(file, root)
    source.files.forEach((name) => this.#depend(name))
    const { model } = source
    pinInputs(model, request)
    inferShapes(model)
    const calibration = await this.#calibration(request, config, model)
    const samples = await take(calibration ?? checkedDataset(syntheticDataset(model), model), VERIFY_SAMPLES)
    const shapes = Object.fromEntries(Object.entries(samples[0]!.inputs).map(([name, tensor]) => [name, tensor.dims]))
    this.#progress('running the original', 0)
    const reference = await Reference.of(this.#engines.wasm, source.bytes, samples)
    const sourceBytes = { file: basename(file), bytes: source.size, brotli: await brotliSize(source.content) }

    const name = basename(file, extname(file))
    const pairs = pairsOf(request)
    const compressed = new Map<Alternative, Compressed>()
    const artefacts = new Map<string, Artefact & { brotli: number; quality: Record<string, Quality> }>()
    const variants: ManifestVariant[] = []
    const reports: VariantReport[] = []
    for (const { alternative, target } of pairs) {
      const began = performance.now()
      this.#request.signal?.throwIfAborted()
      const recipe = recipeOf(alternative, { calibrated: calibration !== undefined })
      const id = uniqueId(`${recipe.label}-${target.name}`, variants)
      const context = this.#context(target, calibration, id)
      let done = compressed.get(alternative)
      if (!done) compressed.set(alternative, (done = await compress(model, recipe.steps, context)))
      checkTarget(target, model)
      const lowered = done.model.clone()
      const lowering = lower(lowered, target, shapes)
      const bytes = writeOnnx(compact(lowered))
      const hash = sha256(bytes)
      let artefact = artefacts.get(hash)
      if (!artefact) {
        this.#progress('verifying', 0, undefined, id)
        const quality = await reference.compare(this.#engines.wasm, bytes)
        artefact = { name: artefactName(name, recipe.label, target, artefacts.values()), sha256: hash, bytes, brotli: await brotliSize(bytes), quality }
        artefacts.set(hash, artefact)
      }
      const { provider, deviceType, probes, rank } = target
      variants.push({
        id,
        target: target.name,
        provider,
        ...(deviceType ? { deviceType } : {}),
        probes,
        rank: rank + variants.filter((other) => other.target === target.name).length,
        format: recipe.format,
        files: [{ path: artefact.name, bytes: bytes.byteLength, brotli: artefact.brotli, sha256: hash }],
      })
      reports.push({
        id,
        target: target.name,
        recipe: describeRecipe(recipe),
        bytes: bytes.byteLength,
        brotli: artefact.brotli,
        quality: artefact.quality,
        samples: { count: samples.length, from: calibration ? 'calibration' : 'random' },
        reports: [...done.reports, lowerReport(lowering)],
        seconds: seconds(began),
        warnings: warningsOf(recipe.format, target, calibration, lowering.integerNodes.length),
      })
    }
    checkBudgets(request, reports)
    const { inputs, outputs } = portsOf(model)
    const manifest = {
      format: MANIFEST_FORMAT,
      name,
      query,
      source: sourceBytes,
      inputs: inputs.map(portOf),
      outputs: outputs.map(portOf),
      variants: [...variants].sort((a, b) => a.rank - b.rank),
    }
    return {
      result: {
        manifest,
        artefacts: [...artefacts.values()].map(({ name, sha256, bytes }) => ({ name, sha256, bytes })),
        report: { source: sourceBytes, variants: reports, warnings: [] },
        watch: [...this.#watch],
        cached: false,
        seconds: seconds(start),
      },
    }
  }

  async #config(): Promise<WhittleConfig> {
    if (this.#request.config) return this.#request.config
    if (this.#configFile) this.#depend(this.#configFile)
    const { config, watch } = await loadConfig(this.#request.root)
    watch.forEach((file) => this.#depend(file))
    return config
  }

  async #calibration(request: Request, config: WhittleConfig, model: Model): Promise<Dataset | undefined> {
    if (request.calibrate === undefined) return undefined
    const { root, file, importer = file } = this.#request
    const { value, files } = await findDataset(request.calibrate, config, { root, importer })
    files.forEach((name) => this.#depend(name))
    return checkedDataset(value, model)
  }

  #context(target: Target, calibration: Dataset | undefined, variant: string): Context {
    const { logger = silentLogger, signal } = this.#request
    return {
      engine: this.#engines.native,
      target,
      calibration,
      logger,
      signal,
      random: createRandom('whittle'),
      onProgress: ({ step, done, total }) => this.#progress(step, done, total, variant),
    }
  }

  #progress(step: string, done: number, total?: number, variant?: string): void {
    this.#request.onProgress?.({ step, done, total, variant })
  }

  /** The result depends on a file; told at once, so that a failed build can be tried again when it changes. */
  #depend(file: string): void {
    if (this.#watch.has(file)) return
    this.#watch.add(file)
    this.#request.onDependency?.(file)
  }
}

function uniqueId(id: string, variants: readonly ManifestVariant[]): string {
  const taken = variants.filter((variant) => variant.id === id || variant.id.startsWith(`${id}.`)).length
  return taken === 0 ? id : `${id}.${taken + 1}`
}

/** Named after the recipe; after the target too, where targets get different files. */
function artefactName(model: string, label: string, target: Target, others: Iterable<Artefact>): string {
  const taken = new Set([...others].map((other) => other.name))
  const names = [`${model}.${label}.onnx`, `${model}.${label}-${target.name}.onnx`]
  for (let suffix = 2; ; suffix++) {
    const free = names.find((name) => !taken.has(name))
    if (free) return free
    names.push(`${model}.${label}-${target.name}.${suffix}.onnx`)
  }
}

function pinInputs(model: Model, { input }: Request): void {
  if (!input) return
  const inputs = model.graph.inputs.filter((value) => !value.tensor)
  if (input.length !== inputs.length)
    throw new OptionError('INPUT_SHAPES', `input: ${input.length} shapes are given for ${inputs.length} inputs (${inputs.map((value) => value.name).join(', ')})`)
  input.forEach((sizes, index) => {
    const value = inputs[index]!
    const shape = value.shape ?? sizes
    if (sizes.length !== shape.length || sizes.some((size, axis) => typeof shape[axis] === 'number' && shape[axis] !== size))
      throw new OptionError('INPUT_SHAPES', `input: ${sizes.join('x')} does not fit '${value.name}', whose shape is [${shape.join(', ')}]`)
    value.shape = [...sizes]
  })
}

function checkTarget(target: Target, model: Model): void {
  if (!target.staticShapes) return
  const free = model.graph.inputs.find((value) => !value.tensor && !value.shape?.every((dim) => typeof dim === 'number'))
  if (free)
    throw new OptionError(
      'TARGET_SHAPES',
      `target ${target.name} compiles for fixed shapes, and input '${free.name}' is [${free.shape?.join(', ') ?? '?'}]: pin it, for example with input=${(free.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1)).join('x')}`,
    )
}

/** Gives every inner value a short name: names weigh as much as weights in a small model. Inputs, outputs and their order stay. */
function compact(model: Model): Model {
  const kept = new Set([...model.graph.inputs, ...model.graph.outputs])
  let next = 0
  const rename = (value: Model['graph']['outputs'][number] | undefined): void => {
    if (!value || kept.has(value)) return
    model.rename(value, model.uniqueName(`v${(next++).toString(36)}`))
  }
  for (const graph of model.graphs()) {
    if (graph !== model.graph) graph.inputs.forEach(rename)
    for (const value of graph.initializers) if (!value.isInput) rename(value)
    for (const node of graph.nodes) {
      node.name = ''
      node.outputs.forEach(rename)
    }
  }
  return model
}

function lowerReport({ integerNodes, stored, skipped }: ReturnType<typeof lower>): StepReport {
  return {
    step: 'lower',
    options: {},
    changed: [
      ...integerNodes.map((at) => ({ at, what: 'computes in int8' })),
      ...stored.map((at) => ({ at, what: 'stored in fewer bits, computed in float32' })),
    ],
    skipped,
  }
}

function warningsOf(format: string, target: Target, calibration: Dataset | undefined, integerNodes: number): string[] {
  if (format !== 'int8' || !target.computes.includes('qdq-u8s8')) return []
  if (!calibration) return ['weights only: give calibrate= to compute in int8 where that is faster']
  return integerNodes === 0 ? ['no node is faster in int8 at these shapes: all weights are stored in int8 and computed in float32'] : []
}

function checkBudgets({ max, sqnr }: Request, reports: readonly VariantReport[]): void {
  for (const { id, brotli, quality } of reports) {
    if (max !== undefined && brotli > max)
      throw new BudgetError('BUDGET_MAX', `variant ${id} takes ${brotli} bytes after brotli, and max= allows ${max}: ask for fewer bits or more pruning, or allow more`)
    for (const [output, { sqnr: measured }] of Object.entries(quality))
      if (sqnr !== undefined && measured !== null && measured < sqnr)
        throw new BudgetError('BUDGET_SQNR', `output '${output}' of variant ${id} has an SQNR of ${measured.toFixed(1)} dB, and sqnr= asks for ${sqnr}: ask for more bits or less pruning`)
  }
}

function portOf({ name, elementType, dims }: ReturnType<typeof portsOf>['inputs'][number]): Port {
  return { name, elementType: elementType ?? 'float32', dims: (dims ?? []).map((dim) => dim) }
}


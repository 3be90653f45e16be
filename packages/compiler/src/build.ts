import { basename, extname } from 'node:path'
import { brotliSize, portsOf } from '@whittle/engine'
import {
  type Context,
  type Dataset,
  type Engine,
  type Model,
  type StepReport,
  type Target,
  compress,
  createRandom,
  inferShapes,
  silentLogger,
} from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { MANIFEST_FORMAT, type Manifest, type ManifestVariant, type Port } from '@whittle/targets'
import { checkBudgets, worstSqnr } from './budgets.ts'
import { type Cache, sha256 } from './cache.ts'
import { compact } from './compact.ts'
import { loadConfig } from './config.ts'
import { checkedDataset, findDataset, syntheticDataset, take } from './dataset.ts'
import type { Alternative, Request } from './directives/directive.ts'
import { parseQuery } from './directives/parse.ts'
import { checkTarget, pinInputs } from './inputs.ts'
import { type Lowering, lower } from './lower/lower.ts'
import { type Recipe, describeRecipe, recipeOf } from './recipe.ts'
import { readSource } from './source.ts'
import type { Artefact, CompileRequest, CompileResult, Quality, VariantReport, WhittleConfig } from './types.ts'
import { pairsOf } from './variants.ts'
import { Reference } from './verify.ts'

/** Samples on which a variant is compared with the original. */
const VERIFY_SAMPLES = 32
/** Below this SQNR, nodes compute in int8 only where that costs nothing beside storing the weights in int8 (dB). */
const INTEGER_SQNR = 20

export interface Engines {
  /** Fast: calibration, folding. */
  readonly native: Engine
  /** The browser's own arithmetic: verification. */
  readonly wasm: Engine
}

/** One recipe, run; shared by all targets. */
interface Compressed {
  readonly model: Model
  readonly reports: StepReport[]
}

/** One file, written and verified. */
interface Verified extends Artefact {
  readonly brotli: number
  readonly quality: Record<string, Quality>
}

/** What is the same for all variants of an import. */
interface Shared {
  readonly name: string
  readonly model: Model
  readonly calibration: Dataset | undefined
  readonly reference: Reference
  /** The inputs' dims at a typical run. */
  readonly shapes: Record<string, readonly number[]>
}

/** One import on its way from directives to artefacts. */
export class Build {
  readonly #request: CompileRequest
  readonly #engines: Engines
  readonly #configFile: string | undefined
  readonly #cache: Cache | undefined
  readonly #watch = new Set<string>()
  readonly #compressed = new Map<Alternative, Compressed>()
  readonly #artefacts = new Map<string, Verified>()

  constructor(request: CompileRequest, engines: Engines, configFile: string | undefined, cache: Cache | undefined) {
    this.#request = request
    this.#engines = engines
    this.#configFile = configFile
    this.#cache = cache
  }

  async run(): Promise<Omit<CompileResult, 'cached' | 'seconds'>> {
    const { file, query, root } = this.#request
    this.#depend(file)
    const config = await this.#config()
    const request = parseQuery(query, config)
    this.#request.signal?.throwIfAborted()
    this.#progress('reading')
    const source = readSource(file, root)
    source.files.forEach((name) => this.#depend(name))
    const { model } = source
    // Runs beside everything else.
    const sourceBrotli = this.#brotli(source.content, sha256(source.content))
    sourceBrotli.catch(() => {})
    pinInputs(model, request)
    inferShapes(model)
    const calibration = await this.#calibration(request, config, model)
    const samples = await take(calibration ?? checkedDataset(syntheticDataset(model), model), VERIFY_SAMPLES)
    this.#progress('running the original')
    const shared: Shared = {
      name: basename(file, extname(file)),
      model,
      calibration,
      reference: await Reference.of(this.#engines.wasm, source.bytes, samples, this.#request.signal),
      shapes: Object.fromEntries(Object.entries(samples[0]!.inputs).map(([name, tensor]) => [name, tensor.dims])),
    }
    const variants: ManifestVariant[] = []
    const reports: VariantReport[] = []
    for (const { alternative, target } of pairsOf(request)) {
      const { variant, report } = await this.#variant(alternative, target, shared, variants)
      variants.push(variant)
      reports.push(report)
    }
    checkBudgets(request, reports)
    const sourceBytes = { file: basename(file), bytes: source.size, brotli: await sourceBrotli }
    return {
      manifest: manifestOf(shared, query, sourceBytes, variants),
      artefacts: [...this.#artefacts.values()].map(({ name, sha256, bytes }) => ({ name, sha256, bytes })),
      report: { source: sourceBytes, variants: reports, warnings: [] },
      watch: [...this.#watch],
    }
  }

  async #variant(
    alternative: Alternative,
    target: Target,
    shared: Shared,
    others: readonly ManifestVariant[],
  ): Promise<{ variant: ManifestVariant; report: VariantReport }> {
    const began = performance.now()
    checkTarget(target, shared.model)
    const recipe = recipeOf(alternative, { calibrated: shared.calibration !== undefined })
    const id = uniqueId(`${recipe.label}-${target.name}`, others)
    const { model, reports } = await this.#compress(alternative, recipe, target, shared, id)
    const { artefact, lowering, warnings } = await this.#lower(model, recipe, target, shared, id)
    const { bytes, brotli, quality } = artefact
    const { provider, deviceType, probes } = target
    const { samples } = shared.reference
    return {
      variant: {
        id,
        target: target.name,
        provider,
        ...(deviceType ? { deviceType } : {}),
        probes,
        // Alternatives for one target are preferred in the order in which they were written.
        rank: target.rank + others.filter((other) => other.target === target.name).length,
        format: recipe.format,
        files: [{ path: artefact.name, bytes: bytes.byteLength, brotli, sha256: artefact.sha256 }],
      },
      report: {
        id,
        target: target.name,
        recipe: describeRecipe(recipe),
        bytes: bytes.byteLength,
        brotli,
        quality,
        samples: { count: samples.length, from: shared.calibration ? 'calibration' : 'random' },
        reports: [...reports, lowerReport(lowering)],
        seconds: Math.round(performance.now() - began) / 1000,
        warnings: [...warnings, ...warningsOf(recipe, target, shared.calibration, lowering.integerNodes.length + warnings.length)],
      },
    }
  }

  /** Runs a recipe, once for all targets. */
  async #compress(alternative: Alternative, recipe: Recipe, target: Target, shared: Shared, id: string): Promise<Compressed> {
    const known = this.#compressed.get(alternative)
    if (known) return known
    const done = await compress(shared.model, recipe.steps, this.#context(target, shared.calibration, id))
    this.#compressed.set(alternative, done)
    return done
  }

  /** Lowers for a target; where computing in int8 would spoil the outputs, weights are only stored in int8. */
  async #lower(
    model: Model,
    recipe: Recipe,
    target: Target,
    shared: Shared,
    id: string,
  ): Promise<{ artefact: Verified; lowering: Lowering; warnings: string[] }> {
    const attempt = async (goal: Target): Promise<{ artefact: Verified; lowering: Lowering }> => {
      const lowered = model.clone()
      const lowering = lower(lowered, goal, shared.shapes)
      return { artefact: await this.#verified(writeOnnx(compact(lowered)), recipe, target, shared, id), lowering }
    }
    const first = await attempt(target)
    const computed = worstSqnr(first.artefact.quality)
    if (first.lowering.integerNodes.length === 0 || computed >= INTEGER_SQNR) return { ...first, warnings: [] }
    const second = await attempt({ ...target, computes: target.computes.filter((form) => form !== 'qdq-u8s8') })
    const stored = worstSqnr(second.artefact.quality)
    if (stored <= computed + 1) return { ...first, warnings: [] }
    this.#artefacts.delete(first.artefact.sha256)
    const why =
      `computing ${first.lowering.integerNodes.length} nodes in int8 would leave an SQNR of ${computed.toFixed(1)} dB, ` +
      `and storing their weights in int8 leaves ${stored.toFixed(1)} dB: all compute in float32`
    return { ...second, warnings: [why] }
  }

  async #verified(bytes: Uint8Array, recipe: Recipe, target: Target, shared: Shared, id: string): Promise<Verified> {
    const hash = sha256(bytes)
    const known = this.#artefacts.get(hash)
    if (known) return known
    this.#progress('verifying', id)
    // What is judged is what was written, read back.
    const brotli = this.#brotli(bytes, hash)
    brotli.catch(() => {})
    const quality = await shared.reference.compare(this.#engines.wasm, bytes, this.#request.signal)
    const name = artefactName(shared.name, recipe.label, target, this.#artefacts.values())
    const artefact = { name, sha256: hash, bytes, brotli: await brotli, quality }
    this.#artefacts.set(hash, artefact)
    return artefact
  }

  /** Brotli at its highest quality takes seconds on a large file, so that its sizes are remembered by content. */
  #brotli(bytes: Uint8Array, hash: string): Promise<number> {
    return this.#cache?.memo(`brotli:${hash}`, () => brotliSize(bytes)) ?? brotliSize(bytes)
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
    const { value, files } = await findDataset(request.calibrate, config, { root, importer }, (name) => this.#depend(name))
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
      onProgress: ({ step, done, total }) => this.#request.onProgress?.({ step, done, total, variant }),
    }
  }

  #progress(step: string, variant?: string): void {
    this.#request.onProgress?.({ step, done: 0, variant })
  }

  /** The result depends on a file; told at once, so that a failed build can be tried again when it changes. */
  #depend(file: string): void {
    if (this.#watch.has(file)) return
    this.#watch.add(file)
    this.#request.onDependency?.(file)
  }
}

function manifestOf({ name, model }: Shared, query: string, source: Manifest['source'], variants: readonly ManifestVariant[]): Manifest {
  const { inputs, outputs } = portsOf(model)
  return {
    format: MANIFEST_FORMAT,
    name,
    query,
    source,
    inputs: inputs.map(portOf),
    outputs: outputs.map(portOf),
    variants: [...variants].sort((a, b) => a.rank - b.rank),
  }
}

function portOf({ name, elementType, dims }: ReturnType<typeof portsOf>['inputs'][number]): Port {
  return { name, elementType: elementType ?? 'float32', dims: [...(dims ?? [])] }
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

function lowerReport({ integerNodes, blockNodes, stored, skipped }: Lowering): StepReport {
  return {
    step: 'lower',
    options: {},
    changed: [
      ...integerNodes.map((at) => ({ at, what: 'computes in int8' })),
      ...blockNodes.map((at) => ({ at, what: 'computes with weights of few bits' })),
      ...stored.map((at) => ({ at, what: 'stored in fewer bits, computed in float32' })),
    ],
    skipped,
  }
}

/** What a user would want to know before the numbers: what was not done for want of samples, and what was found not to pay. */
function warningsOf({ format, steps }: Recipe, target: Target, calibration: Dataset | undefined, explained: number): string[] {
  const warnings: string[] = []
  if (!calibration && steps.some(({ name, options }) => name === 'prune' && options['method'] === 'magnitude'))
    warnings.push('pruned by magnitude alone: give calibrate= to prune what matters least on your samples, which loses far less')
  if (format !== 'int8' || !target.computes.includes('qdq-u8s8')) return warnings
  if (!calibration) warnings.push('weights only: give calibrate= to compute in int8 where that is faster')
  else if (explained === 0)
    warnings.push('no node is faster in int8 at these shapes: all weights are stored in int8 and computed in float32')
  return warnings
}

import { basename, dirname, extname, resolve } from 'node:path'
import { brotliSize } from '@whittle/engine'
import {
  type Checkpoints,
  type Context,
  type Dataset,
  type Engine,
  type Model,
  type Target,
  compress,
  createRandom,
  inferShapes,
  silentLogger,
} from '@whittle/ir'
import { readOnnx, writeOnnx } from '@whittle/ir/onnx'
import { type Golden, type ManifestVariant, tfjs } from '@whittle/targets'
import { checkBudgets, worstSqnr } from './budgets.ts'
import { fitAccuracy } from './accuracy/fit.ts'
import { checkAccuracyRequest } from './accuracy/metric.ts'
import { type Setting, dialsOf } from './accuracy/relax.ts'
import { type Start, startEvaluation } from './accuracy/start.ts'
import { budgetError, fallbackWarning } from './accuracy/words.ts'
import { type Cache, hashOfFile, sha256 } from './cache.ts'
import { compact } from './compact.ts'
import { loadConfig } from './config.ts'
import { type Places, checkedDataset, findDataset, syntheticDataset, take } from './dataset.ts'
import type { Request, RuntimeName } from './directives/directive.ts'
import { parseQuery } from './directives/parse.ts'
import { checkTarget, pinInputs } from './inputs.ts'
import { type Fitted, fitIntegers } from './fit-integers.ts'
import { whyDropped } from './dropped.ts'
import { type Forecast, forecast } from './forecast.ts'
import { type Arithmetic, goldenInputs, goldenOf } from './golden.ts'
import { betterForm, firstForm, inForm } from './lower/forms.ts'
import { type Choose, type Lowering, lower } from './lower/lower.ts'
import { measureIntegerNoise } from './lower/noise.ts'
import { type Recipe, describeRecipe, recipeOf } from './recipe.ts'
import { artefactName, manifestOf, uniqueId } from './manifest.ts'
import { readSource } from './source.ts'
import type { Artefact, CompileProgress, CompileRequest, CompileResult, DroppedVariant, VariantReport, WhittleConfig } from './types.ts'
import { fitsFrame, sized, slowerOnSmall, whyNotSmall } from './small-runtime/choose.ts'
import { kernelsOf, weightFile } from './small-runtime/weight-file.ts'
import type { Compressed, Engines, Lowered, Made, Shared, Verified } from './stages.ts'
import { lowerReport, warningsOf } from './variant-report.ts'
import { TimeLeft } from './time-left.ts'
import { checkTrainingRequest, readTeacher } from './training.ts'
import { type Pair, pairsOf } from './variants.ts'
import { versionsKey } from './versions.ts'
import { type Reference, runOriginal } from './verify.ts'

/** Samples on which a variant is compared with the original. */
const VERIFY_SAMPLES = 32
/** Samples on which single nodes are tried in int8. */
const NOISE_SAMPLES = 4

/** Before all targets. */
const SMALL_RANK = 5

/** One import on its way from directives to artefacts. */
export class Build {
  readonly #request: CompileRequest
  readonly #engines: Engines
  readonly #configFile: string | undefined
  readonly #cache: Cache | undefined
  readonly #left = new TimeLeft()
  readonly #watch = new Set<string>()
  /** By recipe. */
  readonly #compressed = new Map<string, Compressed>()
  /** What was written, by its hash: also what was tried and not taken. */
  readonly #verifieds = new Map<string, Verified>()
  readonly #goldens = new Map<string, Promise<Golden | undefined>>()
  /** What the small runtime's programs call. */
  readonly #kernels = new Set<string>()
  /** What is shipped, by its hash. */
  readonly #artefacts = new Map<string, Artefact>()

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
    checkAccuracyRequest(request)
    checkTrainingRequest(request)
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
    const calibration = await this.#dataset(request.calibrate, config, model)
    const training = await this.#dataset(request.train, config, model)
    const dataset = await this.#dataset(request.evaluate, config, model)
    const samples = await take(calibration ?? dataset ?? checkedDataset(syntheticDataset(model), model), VERIFY_SAMPLES)
    this.#progress('running the original')
    const reference = await runOriginal(this.#engines.wasm, source.bytes, samples, {
      made: !(calibration ?? dataset),
      signal: this.#request.signal,
    })
    const evaluated = dataset && (await this.#evaluate({ dataset, calibration, model, original: source.bytes }, request, config))
    const shared: Shared = {
      name: basename(file, extname(file)),
      model,
      calibration,
      training,
      teacher: request.teacher === undefined ? undefined : this.#teacher(request.teacher, model),
      from: calibration ? 'calibration' : dataset ? 'evaluation' : 'random',
      reference,
      evaluation: evaluated?.evaluation,
      shapes: Object.fromEntries(Object.entries(samples[0]!.inputs).map(([name, tensor]) => [name, tensor.dims])),
      golden: goldenInputs(samples),
    }
    const variants: ManifestVariant[] = []
    const reports: VariantReport[] = []
    const dropped: DroppedVariant[] = []
    const pairs = pairsOf(request)
    for (const pair of pairs) {
      const began = performance.now()
      checkTarget(pair.target, model)
      const made = await this.#fitted(pair, request, shared, variants)
      const why = whyDropped(made.outlook, request, pairs)
      if (why !== undefined) {
        dropped.push({ id: made.id, target: made.target.name, why, forecast: made.outlook })
        continue
      }
      const { variant, report } = await this.#variant(made, began, shared, variants)
      variants.push(variant)
      reports.push(report)
    }
    checkBudgets(request, reports)
    const sourceBytes = { file: basename(file), bytes: source.size, brotli: await sourceBrotli }
    const warnings = [...(evaluated?.warnings ?? []), ...dropped.map(({ id, why }) => `${id} is not shipped: ${why}`)]
    return {
      manifest: manifestOf(shared, query, sourceBytes, variants),
      artefacts: [...this.#artefacts.values()],
      report: { source: sourceBytes, variants: reports, dropped, warnings },
      kernels: kernelsOf(this.#kernels),
      watch: [...this.#watch],
    }
  }

  async #variant(
    result: Made,
    began: number,
    shared: Shared,
    others: readonly ManifestVariant[],
  ): Promise<{ variant: ManifestVariant; report: VariantReport }> {
    const { id, recipe, target, model, small, bytes, brotli, quality, lowering, outlook, accuracy, warnings } = result
    result.kernels.forEach((kernel) => this.#kernels.add(kernel))
    const name = this.#nameOf(result, recipe, target, shared.name)
    const golden = await this.#golden(result, target, recipe, shared)
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
        rank: (small && fitsFrame(model) ? SMALL_RANK : target.rank) + others.filter((other) => other.target === target.name).length,
        format: recipe.format,
        files: [{ path: name, bytes: bytes.byteLength, brotli, sha256: result.sha256 }],
        ...(golden ? { golden } : {}),
      },
      report: {
        id,
        target: target.name,
        runtime: small ? 'tfjs' : 'onnx',
        recipe: describeRecipe(recipe),
        bytes: bytes.byteLength,
        brotli,
        quality,
        samples: { count: samples.length, from: shared.from },
        ...(accuracy ? { accuracy } : {}),
        reports: [...result.steps, lowerReport(lowering)],
        forecast: outlook,
        seconds: Math.round(performance.now() - began) / 1000,
        warnings: [
          ...warnings,
          ...warningsOf(recipe, target, shared.calibration, lowering.integerNodes.length + lowering.dynamicNodes.length + warnings.length),
          ...outlook.warnings,
        ],
      },
    }
  }

  /** A variant as written, or where `drop=` does not hold with that, with what it takes. @throws {BudgetError} where nothing does. */
  async #fitted(pair: Pair, request: Request, shared: Shared, others: readonly ManifestVariant[]): Promise<Made> {
    const { alternative } = pair
    const { result, asWritten, tried } = await fitAccuracy(
      { alternative, sqnr: request.sqnr, fallback: [] },
      request.drop === undefined ? [] : dialsOf(alternative, shared.calibration !== undefined),
      (setting) => this.#made(pair, setting, request, shared, others),
    )
    const { id, accuracy, warnings } = result
    if (request.drop === undefined || !accuracy || !asWritten.accuracy) return result
    if (accuracy.decision !== 'holds') throw budgetError(id, accuracy, tried)
    return result === asWritten ? result : { ...result, warnings: [fallbackWarning(asWritten.accuracy, accuracy), ...warnings] }
  }

  async #made(
    { target: asked, runtime }: Pair,
    { alternative, sqnr, fallback }: Setting,
    request: Request,
    shared: Shared,
    others: readonly ManifestVariant[],
  ): Promise<Made> {
    const recipe = recipeOf(alternative, { calibrated: shared.calibration !== undefined, sqnr })
    const step = `${recipe.label}-${asked.name}`
    const { model, reports } = await this.#compress(recipe, asked, shared, step)
    const small = this.#executedSmall(runtime, model, request, shared)
    const id = uniqueId(small ? `${recipe.label}-tfjs` : step, others)
    const { result, warnings, outlook, target } = small
      ? { ...(await this.#small(model, small, shared, id)), outlook: forecast(small, tfjs, shared.shapes), target: tfjs }
      : await this.#lowered(model, asked, sqnr, shared, id)
    if (shared.evaluation) this.#progress('evaluating', id)
    const judged = await shared.evaluation?.judge(this.#engineOf(target), result.bytes, result.sha256, `variant ${id}`, request.drop)
    const accuracy = judged && { ...judged, ...(fallback.length > 0 ? { fallback } : {}) }
    return { ...result, id, recipe, target, model: small ?? model, small: small !== undefined, steps: reports, outlook, warnings, accuracy }
  }

  /** Runs a recipe, once for all targets. */
  async #compress(recipe: Recipe, target: Target, shared: Shared, id: string): Promise<Compressed> {
    const key = JSON.stringify(describeRecipe(recipe))
    const known = this.#compressed.get(key)
    if (known) return known
    const context = this.#context(target, shared, id)
    const checkpoints = await this.#checkpoints(key, target)
    const done = await compress(shared.model, recipe.steps, { ...context, ...(checkpoints ? { checkpoints } : {}) })
    this.#compressed.set(key, done)
    return done
  }

  /** Of this recipe, on these files. */
  async #checkpoints(recipe: string, target: Target): Promise<Checkpoints | undefined> {
    const { native, wasm, tfjs } = this.#engines
    const hashes = await Promise.all([...this.#watch].map(hashOfFile))
    const identity = [recipe, target.name, this.#request.query, hashes, versionsKey([native.key, wasm.key, tfjs.key])]
    return this.#cache?.checkpoints(sha256(JSON.stringify(identity)))
  }

  /** The browser's own arithmetic. */
  #engineOf({ provider }: Target): Engine {
    return provider === 'tfjs' ? this.#engines.tfjs : this.#engines.wasm
  }

  /**
   * The model with the dims of a typical run, where the small runtime executes it. The address of a file is asked for by apps that load it by
   * themselves, which the small runtime's they cannot.
   */
  #executedSmall(runtime: RuntimeName | undefined, model: Model, { output }: Request, { shapes }: Shared): Model | undefined {
    const itself = runtime === undefined && this.#request.smallRuntime === true && output !== 'url'
    if (runtime !== 'tfjs' && !itself) return undefined
    const typical = sized(model, shapes)
    return itself && whyNotSmall(typical) !== undefined ? undefined : typical
  }

  /** Writes a model for the small runtime. */
  async #small(model: Model, typical: Model, { reference }: Shared, id: string): Promise<Fitted<Lowered>> {
    const { bytes, stored, kernels } = weightFile(model)
    this.#progress('verifying', id)
    const verified = await this.#verified(bytes, reference, this.#engines.tfjs)
    const lowering: Lowering = { integerNodes: [], integerOutputs: [], dynamicNodes: [], blockNodes: [], stored, skipped: [] }
    const slower = slowerOnSmall(typical)
    return { result: { ...verified, lowering, kernels, sqnr: worstSqnr(verified.quality) }, warnings: slower ? [slower] : [] }
  }

  /** Lowers for a target in the form that it is fast with, or, where it is forecast to run that poorly, in one that it runs better. */
  async #lowered(
    model: Model,
    target: Target,
    sqnr: number | undefined,
    shared: Shared,
    id: string,
  ): Promise<Fitted<Lowered> & { outlook: Forecast; target: Target }> {
    // Before anything is run: a form that a target lacks may be one that no engine takes.
    const better = betterForm(model, target, shared.shapes)
    const form = better?.form ?? firstForm(target)
    const { result, warnings } = await this.#lower(inForm(model, form), form.target, sqnr, shared, id)
    // Of what ships, read back.
    const outlook = forecast(readOnnx(result.bytes), target, shared.shapes)
    return { result, warnings: better ? [better.why, ...warnings] : warnings, outlook, target: form.target }
  }

  /** Lowers for a target; not all that would be faster in int8 computes so where that would spoil the outputs. */
  async #lower(
    model: Model,
    target: Target,
    sqnr: number | undefined,
    { reference, shapes }: Shared,
    id: string,
  ): Promise<Fitted<Lowered>> {
    const { native, wasm } = this.#engines
    const { signal } = this.#request
    const attempt = async (choose?: Choose): Promise<Lowered> => {
      const lowered = model.clone()
      const lowering = lower(lowered, target, shapes, choose)
      this.#progress('verifying', id)
      const verified = await this.#verified(writeOnnx(compact(lowered)), reference, wasm)
      return { ...verified, lowering, kernels: [], sqnr: worstSqnr(verified.quality) }
    }
    return await fitIntegers(target, sqnr, attempt, (outputs) => {
      this.#progress('measuring nodes in int8', id)
      return measureIntegerNoise(model, target, shapes, outputs, native, reference.samples.slice(0, NOISE_SAMPLES), signal)
    })
  }

  /** What is judged is what was written, read back. */
  async #verified(bytes: Uint8Array, reference: Reference, engine: Engine): Promise<Verified> {
    const hash = sha256(bytes)
    const known = this.#verifieds.get(hash)
    if (known) return known
    const brotli = this.#brotli(bytes, hash)
    brotli.catch(() => {})
    const quality = await reference.compare(engine, bytes, this.#request.signal)
    const verified = { sha256: hash, bytes, brotli: await brotli, quality }
    this.#verifieds.set(hash, verified)
    return verified
  }

  /** What the loader compares a provider's answer with, computed once for equal files that compute alike. */
  #golden({ bytes, sha256: hash, lowering }: Lowered, target: Target, { format }: Recipe, shared: Shared): Promise<Golden | undefined> {
    if (!shared.golden) return Promise.resolve(undefined)
    // GPUs and NPUs behind WebNN may compute in float16 whatever the model's types say.
    const half = (format === 'fp16' && target.computes.includes('fp16')) || ['gpu', 'npu'].includes(target.deviceType ?? '')
    const integer = lowering.integerNodes.length + lowering.dynamicNodes.length > 0
    const arithmetic: Arithmetic = integer ? 'integer' : half ? 'float16' : 'float32'
    const types = Object.fromEntries(Object.entries(shared.reference.samples[0]!.inputs).map(([name, { type }]) => [name, type]))
    const key = `${hash} ${arithmetic}`
    const known = this.#goldens.get(key) ?? goldenOf(this.#engineOf(target), bytes, shared.golden, types, arithmetic)
    this.#goldens.set(key, known)
    return known
  }

  /** The name under which a file is shipped; equal files are one. */
  #nameOf({ sha256: hash, bytes }: Verified, recipe: Recipe, target: Target, model: string): string {
    const known = this.#artefacts.get(hash)
    if (known) return known.name
    const name = artefactName(model, recipe.label, target, this.#artefacts.values())
    this.#artefacts.set(hash, { name, sha256: hash, bytes })
    return name
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

  async #dataset(name: string | undefined, config: WhittleConfig, model: Model): Promise<Dataset | undefined> {
    return name === undefined ? undefined : checkedDataset(await findDataset(name, config, this.#places()), model)
  }

  #teacher(name: string, model: Model): Model {
    const file = resolve(dirname(this.#places().importer), name)
    this.#depend(file)
    const { teacher, files } = readTeacher(file, name, model, this.#request.root)
    files.forEach((path) => this.#depend(path))
    return teacher
  }

  #evaluate(
    given: Pick<Start, 'dataset' | 'calibration' | 'model' | 'original'>,
    request: Request,
    config: WhittleConfig,
  ): ReturnType<typeof startEvaluation> {
    const { signal } = this.#request
    const onSample = (done: number, total: number | undefined): void => this.#tell({ step: 'evaluating', done, total })
    return startEvaluation({ ...given, engine: this.#engines.wasm, signal, onSample }, request, config, this.#places())
  }

  #places(): Places {
    const { root, file, importer = file } = this.#request
    return { root, importer, onDependency: (name) => this.#depend(name) }
  }

  #context(target: Target, { calibration, training, teacher }: Shared, variant: string): Context {
    const { logger = silentLogger, signal } = this.#request
    return {
      engine: this.#engines.native,
      target,
      calibration,
      training,
      ...(teacher ? { original: teacher } : {}),
      logger,
      signal,
      random: createRandom('whittle'),
      onProgress: ({ step, done, total }) => this.#tell({ step, done, total, variant }),
    }
  }

  #tell(progress: CompileProgress): void {
    this.#request.onProgress?.({ ...progress, left: this.#left.of(progress) })
  }

  #progress(step: string, variant?: string): void {
    this.#tell({ step, done: 0, variant })
  }

  /** The result depends on a file; told at once, so that a failed build can be tried again when it changes. */
  #depend(file: string): void {
    if (this.#watch.has(file)) return
    this.#watch.add(file)
    this.#request.onDependency?.(file)
  }
}

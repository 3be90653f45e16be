import type { Manifest, ManifestVariant } from '@whittle/targets'
import { LoadError, UnsupportedError, messageOf, type Decision } from './errors.ts'
import { obtain } from './fetch.ts'
import { findWrong, keepFinding, recallFinding } from './golden.ts'
import { createProbe } from './probe.ts'
import { createProgress, type LoadProgress } from './progress.ts'
import { createRunner, runOn, type Session, type Started, type TensorMap } from './session.ts'
import { buildOf, type ModelSource, type Ort } from './source.ts'
import { createSession, dropBinary, enqueue, loadRuntime } from './start.ts'

/** The newest form of manifest that this loader reads. */
const FORMAT = 2

export interface LoadOptions {
  /** Called as the bytes of the model and of onnxruntime's WebAssembly arrive, at first with none. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
  /** Ends the loading at any stage; `load()` then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Targets or providers to try, in this order: `['webgpu', 'wasm']`. By default all that the model was built for, best first. */
  readonly devices?: readonly string[] | undefined
  /** The app's own onnxruntime-web, in place of the builds that came with the model. Its `env` is left as the app set it. */
  readonly ort?: Ort
  /**
   * Whether the answer to the golden check's inputs is compared with the one that was given when the app was built: on the first load on a
   * browser and device, unless it is false. A wrong one is left for the next variant.
   */
  readonly check?: boolean
  /** Where onnxruntime-web's `.wasm` and `.mjs` files lie under their published names, when not where the build put them. */
  readonly runtimeBase?: string
  /** What stands between the loader and a runtime: `loadGpu` of `@whittle/runtime/gpu` passes it. */
  readonly adapt?: (ort: Ort, manifest: Manifest) => Ort
}

/** A model that can be loaded. Importing it fetches nothing and touches no browser global. */
export interface Model<Inputs = TensorMap, Outputs = TensorMap> {
  readonly manifest: Manifest
  /**
   * Looks at the device, fetches the one variant that suits it best, starts it and checks its answers; where that fails it goes on to the
   * next. Files are kept in the browser's Cache for later loads. Each call makes a session of its own; what calls share is onnxruntime's code.
   * @throws {LoadError} with every variant's reason, when none could be started.
   * @throws {UnsupportedError} on a server.
   * @throws the signal's reason, when it was aborted.
   */
  load(options?: LoadOptions): Promise<Session<Inputs, Outputs>>
}

/** Makes a model of its manifest and addresses; generated modules call it. */
export function createModel<Inputs = TensorMap, Outputs = TensorMap>(source: ModelSource): Model<Inputs, Outputs> {
  return {
    manifest: source.manifest,
    load: async (options = {}) => {
      const broken: Broken = new Map()
      const started = await start(source, options, broken)
      return createRunner(source.manifest, started, (variant, error) => {
        broken.set(variant, error)
        return start(source, { ...options, signal: undefined, onProgress: undefined }, broken)
      }) as Session<Inputs, Outputs>
    },
  }
}

/** Variants that were started and broke down, with what the run said. */
type Broken = Map<ManifestVariant, Error>

async function start(source: ModelSource, options: LoadOptions, broken: Broken): Promise<Started> {
  const { manifest } = source
  const { signal, onProgress } = options
  if (typeof location === 'undefined') {
    throw new UnsupportedError('SERVER', `${manifest.name}: load() runs in a browser; on a server a model can only be imported`)
  }
  signal?.throwIfAborted()
  if (manifest.format > FORMAT) {
    throw new LoadError(
      'MANIFEST_NEWER',
      `${manifest.name}: its manifest has format ${manifest.format}, this version of @whittle/runtime reads up to ${FORMAT}; update it`,
    )
  }

  const probe = createProbe()
  const { devices } = options
  const ranked = [...manifest.variants].sort((a, b) => a.rank - b.rank)
  const order = devices
    ? [...new Set(devices.flatMap((name) => ranked.filter(({ target, provider }) => target === name || provider === name)))]
    : ranked
  const decisions: Decision[] = []
  const decide = ({ target, id }: ManifestVariant, outcome: Decision['outcome'], reason: string) =>
    decisions.push({ target, variant: id, outcome, reason })
  /** Every variant once. */
  const decided = (started?: string): Decision[] => {
    for (const other of [...order, ...ranked])
      if (!decisions.some(({ variant }) => variant === other.id))
        decide(other, 'skipped', order.includes(other) ? `${started} was started` : `not among devices [${devices!.join(', ')}]`)
    return decisions
  }
  // Writing megabytes to the Cache beside the making of a session would hold that up.
  let settle!: () => void
  const started = new Promise<void>((resolve) => (settle = resolve))
  const fetched = new Map<string, Uint8Array>()
  const place = {
    started,
    scope: `model/${manifest.name}?${manifest.query}`,
    wanted: manifest.variants.map(({ files }) => files[0]!.sha256),
  }
  const progress = createProgress(onProgress)
  const aborted = new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
  aborted.catch(() => undefined)
  /** Waits for work, but not after the signal is aborted. */
  const until = <T>(work: Promise<T>): Promise<T> => Promise.race([work, aborted])
  let downloaded = 0
  let cause: unknown

  const fetchModel = async ({ files: [file] }: ManifestVariant): Promise<Uint8Array> => {
    const { path, sha256, bytes: size } = file!
    const known = fetched.get(sha256)
    progress('model', 0, known ? 0 : size)
    const onBytes = (bytes: number, kept: boolean) => {
      if (!kept) downloaded += bytes
      progress('model', bytes)
    }
    const bytes = known ?? (await (source.obtain ?? obtain)(source.urls[path]!, file!, place, signal, onBytes))
    fetched.set(sha256, bytes)
    return bytes
  }

  for (const variant of order) {
    const golden = options.check === false ? undefined : variant.golden
    // The app's onnxruntime does not read what the small runtime does.
    const own = variant.provider === 'tfjs' ? undefined : options.ort
    let release = (): unknown => undefined
    try {
      const lost = broken.get(variant)
      if (lost) throw lost
      const lacking = await until(probe(variant))
      if (lacking) {
        decide(variant, 'unavailable', lacking)
        continue
      }
      const finding = golden && (await until(recallFinding(variant)))
      if (finding?.wrong) throw new LoadError('WRONG_ANSWER', `${finding.wrong} (found by an earlier load)`)
      progress(variant.id)
      // The runtime's files and the model are fetched abreast; a failure of the runtime is looked at when the model is there, so that the
      // next variant may use the bytes.
      const onRuntime = (bytes: number, total: number) => progress('runtime', bytes, bytes ? undefined : total)
      const runtime = own ? Promise.resolve(own) : loadRuntime(variant, source.runtimes, onRuntime, started, options.runtimeBase)
      runtime.catch(() => undefined)
      const bytes = await until(fetchModel(variant))
      const made = await until(runtime)
      const ort = options.adapt?.(made, manifest) ?? made
      const making = createSession(ort, variant, bytes)
      // Also of a session that is there only after the load was aborted.
      release = () => making.then((made) => enqueue(ort, () => made.release())).catch(() => undefined)
      const session = await until(making)
      if (!own) dropBinary(ort, source.runtimes[buildOf(variant, source.runtimes)])
      if (golden && !finding) {
        const wrong = await until(findWrong((inputs) => runOn(ort, session, inputs), manifest, golden))
        void keepFinding(variant, wrong)
        if (wrong) throw new LoadError('WRONG_ANSWER', wrong)
      }
      decide(variant, 'chosen', `the first in order${decisions.length ? ' that could be started' : ''}`)
      settle()
      return { ort, session, variant, decisions: decided(variant.id), downloaded, release }
    } catch (error) {
      void release()
      signal?.throwIfAborted()
      cause = error
      decide(variant, 'failed', messageOf(error))
    }
  }
  decided()
  if (order.length > 0) {
    const lines = decisions.map(({ variant, outcome, reason }) => `\n  ${variant}: ${outcome}: ${reason}`)
    throw new LoadError('LOAD_FAILED', `${manifest.name}: no variant could be started on this device${lines.join('')}`, {
      decisions,
      cause,
    })
  }
  const targets = ranked.map(({ target }) => `'${target}'`).join(', ') || 'nothing'
  const asked = devices ? `, and devices asks for [${devices.join(', ')}]` : ''
  throw new LoadError('NO_VARIANT', `${manifest.name}: was built for ${targets}${asked}`, { decisions })
}

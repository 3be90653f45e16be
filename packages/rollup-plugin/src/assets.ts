import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Artefact, CompileResult } from './compiler.ts'
import { TFJS_PATH, artefactPath, runtimePath } from './dev-server.ts'
import { emittedAddress, servedAddress, type Address } from './modules.ts'
import { BUILDS, type Build, type RuntimeFile, type RuntimePackage, describeRuntimeFile, findTfjs } from './runtime-files.ts'

/** What of a bundler's context this needs; Vite says which of its environments it builds. */
export interface Emitter {
  emitFile(file: { type: 'asset'; name: string; source: Uint8Array }): string
  readonly environment?: { readonly name: string }
}

/** Where files are found at run time: a path below the dev server's base, or what the bundler makes of an emitted file. */
export interface Assets {
  /** Addresses of a result's files, by their paths in the manifest; of a file in parts, those of its parts. */
  artefacts(emitter: Emitter, result: CompileResult): Promise<Map<string, Address>>
  /** A build of onnxruntime-web. */
  runtime(emitter: Emitter, build: Build): Promise<RuntimeAssets>
  /** The small runtime. */
  tfjs(emitter: Emitter): Promise<RuntimeAssets>
  /** What was emitted, by name. */
  sizes(emitter: Emitter): ReadonlyMap<string, number>
  /** A new build of this environment begins: nothing is emitted in it yet. */
  begin(emitter: Emitter): void
}

/** A runtime's files. */
export interface RuntimeAssets {
  readonly wasm: WasmAssets
  readonly mjs: Address
}

/** A runtime's WebAssembly: what the loader knows of it, and where it is, whole or in parts. */
export interface WasmAssets {
  readonly file: RuntimeFile
  readonly addresses: ReadonlyMap<string, Address>
}

export interface AssetsOptions {
  /** The dev server's address of a path below its base; undefined in a build. */
  served(): ((path: string) => string) | undefined
  runtime(): RuntimePackage
  /** The parts in which a file is emitted: one that its host takes is the only part of itself. */
  partsOf(file: Artefact): Promise<Artefact[]>
  /** Where the app serves onnxruntime-web's files itself. */
  readonly runtimeBase?: string
}

export function createAssets({ served, runtime, partsOf, runtimeBase }: AssetsOptions): Assets {
  const references = new Map<string, Map<string, Promise<string>>>()
  const sizes = new Map<string, Map<string, number>>()

  /** Emits a file once a build, however many imports share its bytes. */
  async function emit(emitter: Emitter, key: string, name: string, source: () => Promise<Uint8Array>): Promise<Address> {
    const environment = emitter.environment?.name ?? ''
    const known = references.get(environment) ?? new Map<string, Promise<string>>()
    references.set(environment, known)
    const write = (bytes: Uint8Array): string => {
      sizes.set(environment, (sizes.get(environment) ?? new Map<string, number>()).set(name, bytes.byteLength))
      return emitter.emitFile({ type: 'asset', name, source: bytes })
    }
    const reference = known.get(key) ?? source().then(write)
    known.set(key, reference)
    return emittedAddress(await reference)
  }

  /** The address of a runtime's file where a build emits none: on the app's own server, or the dev server. */
  function elsewhere(name: string, servedPath: string): Address | undefined {
    const at = served()
    if (runtimeBase !== undefined) return servedAddress(`${runtimeBase.replace(/\/?$/, '/')}${name}`)
    return at && servedAddress(at(servedPath))
  }

  async function wasmAssets(emitter: Emitter, from: string, servedPath: string): Promise<WasmAssets> {
    const file = describeRuntimeFile(from)
    const address = elsewhere(file.path, servedPath)
    if (address !== undefined) return { file, addresses: new Map([[file.path, address]]) }
    const parts = await partsOf({ name: file.path, bytes: await readFile(from), sha256: file.sha256 })
    const addresses = new Map<string, Address>()
    for (const { name, bytes } of parts) addresses.set(name, await emit(emitter, name, name, async () => bytes))
    const divided = { parts: parts.map(({ name, bytes, sha256 }) => ({ path: name, bytes: bytes.length, sha256 })) }
    return { file: { ...file, ...(parts.length > 1 ? divided : {}) }, addresses }
  }

  return {
    begin(emitter) {
      references.delete(emitter.environment?.name ?? '')
      sizes.delete(emitter.environment?.name ?? '')
    },

    sizes: (emitter) => sizes.get(emitter.environment?.name ?? '') ?? new Map<string, number>(),

    async artefacts(emitter, { manifest, artefacts }) {
      const addresses = new Map<string, Address>()
      const files = manifest.variants.flatMap((variant) => variant.files).flatMap((file) => file.parts ?? [file])
      for (const { path: place, sha256 } of files) {
        const artefact = artefacts.find((one) => one.sha256 === sha256)
        if (!artefact) throw new Error(`the compiler gave no artefact for ${place}`)
        const at = served()
        addresses.set(
          place,
          at ? servedAddress(at(artefactPath(artefact))) : await emit(emitter, sha256, artefact.name, async () => artefact.bytes),
        )
      }
      return addresses
    },

    async runtime(emitter, build) {
      const { wasm, mjs } = BUILDS[build]
      const pathOf = (kind: 'wasm' | 'mjs'): string => runtimePath(build, kind, runtime())
      const { dist } = runtime()
      return {
        wasm: await wasmAssets(emitter, path.join(dist, wasm), pathOf('wasm')),
        mjs: elsewhere(mjs, pathOf('mjs')) ?? (await emit(emitter, mjs, mjs, () => readFile(path.join(dist, mjs)))),
      }
    },

    tfjs: async (emitter) => ({ wasm: await wasmAssets(emitter, findTfjs(), TFJS_PATH), mjs: `''` }),
  }
}

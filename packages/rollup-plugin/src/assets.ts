import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { CompileResult } from './compiler.ts'
import { TFJS_PATH, artefactPath, runtimePath } from './dev-server.ts'
import { emittedAddress, servedAddress, type Address } from './modules.ts'
import { BUILDS, type Build, type RuntimePackage, TFJS_WASM, findTfjs } from './runtime-files.ts'

/** What of a bundler's context this needs; Vite says which of its environments it builds. */
export interface Emitter {
  emitFile(file: { type: 'asset'; name: string; source: Uint8Array }): string
  readonly environment?: { readonly name: string }
}

/** Where files are found at run time: a path below the dev server's base, or what the bundler makes of an emitted file. */
export interface Assets {
  /** Addresses of a result's files, by their paths in the manifest. */
  artefacts(emitter: Emitter, result: CompileResult): Promise<Map<string, Address>>
  runtime(emitter: Emitter, build: Build): Promise<{ wasm: Address; mjs: Address }>
  /** The small runtime's WebAssembly. */
  tfjs(emitter: Emitter): Promise<Address>
  /** What was emitted, by name. */
  sizes(emitter: Emitter): ReadonlyMap<string, number>
  /** A new build of this environment begins: nothing is emitted in it yet. */
  begin(emitter: Emitter): void
}

export interface AssetsOptions {
  /** The dev server's address of a path below its base; undefined in a build. */
  served(): ((path: string) => string) | undefined
  runtime(): RuntimePackage
  /** Where the app serves onnxruntime-web's files itself. */
  readonly runtimeBase?: string
}

export function createAssets({ served, runtime, runtimeBase }: AssetsOptions): Assets {
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

  return {
    begin(emitter) {
      references.delete(emitter.environment?.name ?? '')
      sizes.delete(emitter.environment?.name ?? '')
    },

    sizes: (emitter) => sizes.get(emitter.environment?.name ?? '') ?? new Map<string, number>(),

    async artefacts(emitter, { manifest, artefacts }) {
      const addresses = new Map<string, Address>()
      for (const { path: place, sha256 } of manifest.variants.flatMap((variant) => variant.files)) {
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
      const address = (kind: 'wasm' | 'mjs'): Promise<Address> | Address => {
        const name = BUILDS[build][kind]
        const at = served()
        if (runtimeBase !== undefined) return servedAddress(`${runtimeBase.replace(/\/?$/, '/')}${name}`)
        if (at) return servedAddress(at(runtimePath(build, kind, runtime())))
        return emit(emitter, name, name, () => readFile(path.join(runtime().dist, name)))
      }
      return { wasm: await address('wasm'), mjs: await address('mjs') }
    },

    async tfjs(emitter) {
      const at = served()
      if (runtimeBase !== undefined) return servedAddress(`${runtimeBase.replace(/\/?$/, '/')}${TFJS_WASM}`)
      if (at) return servedAddress(at(TFJS_PATH))
      return await emit(emitter, TFJS_WASM, TFJS_WASM, () => readFile(findTfjs()))
    },
  }
}

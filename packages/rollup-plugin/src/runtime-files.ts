import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Manifest } from './compiler.ts'

/** The builds of onnxruntime-web that a loader may choose from, in the words of `@whittle/runtime`. */
export type Build = 'wasm' | 'webgpu' | 'jspi'

/** The small runtime's only file, in `@tensorflow/tfjs-backend-wasm`. */
export const TFJS_WASM = 'tfjs-backend-wasm-simd.wasm'

interface BuildFiles {
  /** The JavaScript that the bundler takes in: the form that fetches its WebAssembly from where it is told to. */
  readonly module: string
  readonly wasm: string
  readonly mjs: string
}

/** File names in onnxruntime-web's `dist`. */
export const BUILDS: Readonly<Record<Build, BuildFiles>> = {
  wasm: { module: 'ort.wasm.min.mjs', wasm: 'ort-wasm-simd-threaded.wasm', mjs: 'ort-wasm-simd-threaded.mjs' },
  webgpu: { module: 'ort.webgpu.min.mjs', wasm: 'ort-wasm-simd-threaded.asyncify.wasm', mjs: 'ort-wasm-simd-threaded.asyncify.mjs' },
  jspi: { module: 'ort.jspi.min.mjs', wasm: 'ort-wasm-simd-threaded.jspi.wasm', mjs: 'ort-wasm-simd-threaded.jspi.mjs' },
}

/** The builds that can run a manifest's variants. */
export function buildsFor(manifest: Manifest): Build[] {
  const providers = new Set(manifest.variants.map((variant) => variant.provider))
  return [
    ...(providers.has('wasm') ? (['wasm'] as const) : []),
    ...(providers.has('webgpu') || providers.has('webnn') ? (['webgpu', 'jspi'] as const) : []),
  ]
}

export interface RuntimePackage {
  /** Absolute path of `dist`. */
  readonly dist: string
  readonly version: string
}

/** onnxruntime-web as the app has it. */
export function findRuntimePackage(root: string): RuntimePackage {
  const wasm = resolveFrom(root, `onnxruntime-web/${BUILDS.wasm.wasm}`)
  const dist = wasm && path.dirname(wasm)
  if (!dist) throw new Error(`onnxruntime-web is not installed in ${root}; it runs the models: npm install onnxruntime-web`)
  const missing = Object.values(BUILDS)
    .flatMap(Object.values)
    .find((name) => !existsSync(path.join(dist, name)))
  const { version } = JSON.parse(readFileSync(path.join(dist, '../package.json'), 'utf8')) as { version: string }
  if (missing)
    throw new Error(`onnxruntime-web ${version} in ${path.dirname(dist)} lacks dist/${missing}; install version 1.30 or a later one`)
  return { dist, version }
}

/**
 * TensorFlow.js's WebAssembly, as the compiler has it: programs are written for the kernels of one version.
 * @returns its absolute path.
 */
export function findTfjs(): string {
  return requireOfCompiler().resolve(`@tensorflow/tfjs-backend-wasm/dist/${TFJS_WASM}`)
}

/** The absolute path of the small runtime's JavaScript. */
export function findTfjsModule(): string {
  return requireOfCompiler().resolve('@whittle/tfjs/run')
}

/** A file of the compiler's package, from which its dependencies are found. */
export function compilerFile(): string {
  return createRequire(import.meta.url).resolve('@whittle/compiler/package.json')
}

function requireOfCompiler(): NodeJS.Require {
  return createRequire(compilerFile())
}

/** What the loader checks a build's WebAssembly by. */
export interface RuntimeFile {
  readonly path: string
  readonly bytes: number
  readonly sha256: string
  /** What is emitted in its place, where the app's host would not take it whole. */
  readonly parts?: readonly Omit<RuntimeFile, 'parts'>[]
}

export function describeRuntimeFile(file: string): RuntimeFile {
  const content = readFileSync(file)
  return { path: path.basename(file), bytes: content.byteLength, sha256: createHash('sha256').update(content).digest('hex') }
}

/** Resolves a package's file from the app's root, and where the app does not have it, from this package. */
export function resolveFrom(root: string, specifier: string): string | undefined {
  for (const start of [path.join(root, 'index.js'), import.meta.url]) {
    try {
      return createRequire(start).resolve(specifier)
    } catch {
      // Not there; the next place.
    }
  }
  return undefined
}

import type { CompileReport, Manifest } from './compiler.ts'
import type { RuntimeAssets } from './assets.ts'
import { buildsFor, type Build } from './runtime-files.ts'

/** What a module imports to get one build of onnxruntime-web: its addresses, and a function that loads it. */
export const RUNTIME_MODULE = 'virtual:whittle/runtime/'

/** What that one imports, lazily: the build's JavaScript. */
export const ORT_MODULE = 'virtual:whittle/ort/'

/** What a module imports to get the small runtime with the kernels that its programs name; a key of them follows. */
export const TFJS_MODULE = 'virtual:whittle/tfjs/'

/** What that one imports, lazily: the runtime's JavaScript. */
export const KERNELS_MODULE = 'virtual:whittle/kernels/'

/** What joins files in parts, imported lazily: most browsers need none. */
export const PARTS_MODULE = '@whittle/runtime/parts'

/** JavaScript that evaluates to an address. */
export type Address = string

/**
 * The module behind an import of a model.
 * @param addresses by the path of the manifest's files.
 * @param kernels the key of the small runtime's kernels, where a variant runs on it.
 */
export function modelModule(manifest: Manifest, addresses: ReadonlyMap<string, Address>, kernels?: string): string {
  const builds = buildsFor(manifest)
  const names = kernels ? [...builds, 'tfjs'] : builds
  const files = manifest.variants.flatMap((variant) => variant.files)
  const divided = files.some(({ parts }) => parts)
  return [
    `import { createModel } from '@whittle/runtime'`,
    ...builds.map((build) => `import ${build} from '${RUNTIME_MODULE}${build}'`),
    ...(kernels ? [`import tfjs from '${TFJS_MODULE}${kernels}'`] : []),
    `const manifest = ${json(manifest)}`,
    `const urls = ${record(addresses)}`,
    ...(divided ? [`const files = manifest.variants.flatMap((variant) => variant.files)`, joining('urls', 'files')] : []),
    `export default /* @__PURE__ */ createModel({ manifest, urls, runtimes: { ${names.join(', ')} }${divided ? ', obtain' : ''} })`,
    '',
  ].join('\n')
}

/** On a server a model has its manifest and cannot be loaded: nothing is emitted for it, and no runtime is taken in. */
export function serverModule(manifest: Manifest): string {
  return [
    `import { createModel } from '@whittle/runtime'`,
    `export default /* @__PURE__ */ createModel({ manifest: ${json(manifest)}, urls: {}, runtimes: {} })`,
    '',
  ].join('\n')
}

export function urlModule(address: Address): string {
  return `export default ${address}\n`
}

/** The manifest, and beside it the addresses of its files by their path. */
export function manifestModule(manifest: Manifest, addresses: ReadonlyMap<string, Address>): string {
  return `export default ${json(manifest)}\nexport const urls = ${record(addresses)}\n`
}

export function reportModule(report: CompileReport): string {
  return `export default ${json(report)}\n`
}

/** With the WebAssembly's size and hash, so that the loader can fetch it abreast, check it and keep it. */
export function runtimeModule(build: Build, assets: RuntimeAssets): string {
  return runtimeSource(`${ORT_MODULE}${build}`, assets)
}

export function tfjsModule(kernels: string, assets: RuntimeAssets): string {
  return runtimeSource(`${KERNELS_MODULE}${kernels}`, assets)
}

function runtimeSource(module: string, { wasm: { file, addresses }, mjs }: RuntimeAssets): string {
  const [wasm] = file.parts ? [`''`] : addresses.values()
  const members = `load: () => import('${module}'), wasm: ${wasm}, mjs: ${mjs}, file`
  return [
    `const file = ${json(file)}`,
    ...(file.parts ? [joining(record(addresses), '[file]')] : []),
    `export default { ${members}${file.parts ? ', obtain' : ''} }`,
    '',
  ].join('\n')
}

/** Declares `obtain`, given JavaScript for the addresses of parts and for the files that they make up. */
function joining(urls: string, files: string): string {
  return `const obtain = async (...given) => (await import('${PARTS_MODULE}')).obtainParts(${urls}, ${files})(...given)`
}

/** The small runtime: its JavaScript, and the functions that call the kernels of the programs. */
export function kernelsModule(functions: Readonly<Record<string, readonly string[]>>): string {
  const names = Object.keys(functions)
  const kernels = Object.entries(functions).flatMap(([name, calls]) => calls.map((kernel) => `${kernel}: ${name}`))
  return [
    `import { createRuntime, ${names.join(', ')} } from '@whittle/tfjs/run'`,
    `export const { env, Tensor, InferenceSession } = createRuntime({ ${kernels.join(', ')} })`,
    '',
  ].join('\n')
}

/** The token that bundlers replace by the address of an emitted file. */
export function emittedAddress(reference: string): Address {
  return `import.meta.ROLLUP_FILE_URL_${reference}`
}

/** An address on the dev server, absolute, since a worker of the runtime may start from a blob. */
export function servedAddress(path: string): Address {
  return `/* @__PURE__ */ ((path) => new URL(path, import.meta.url).href)(${json(path)})`
}

function record(addresses: ReadonlyMap<string, Address>): string {
  return `{ ${[...addresses].map(([path, address]) => `${json(path)}: ${address}`).join(', ')} }`
}

/** JSON that is also JavaScript, and cannot end a script element. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
}

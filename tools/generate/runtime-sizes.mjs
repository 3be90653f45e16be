/**
 * Writes `packages/targets/src/runtime-sizes.ts`: what each runtime takes of a download, after brotli at its highest quality. Run it after a
 * build, and when a runtime's version changes: `node tools/generate/runtime-sizes.mjs`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { rolldown } from 'rolldown'

const require = createRequire(import.meta.url)
const dist = path.dirname(require.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'))
const tfjs = require.resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm')
const versionOf = (folder) => JSON.parse(readFileSync(path.join(folder, '../package.json'), 'utf8')).version

const brotli = (bytes) => brotliCompressSync(bytes).byteLength
const ort = (name, module) =>
  [`ort-wasm-simd-threaded${name}.wasm`, `ort-wasm-simd-threaded${name}.mjs`, module].reduce(
    (sum, file) => sum + brotli(readFileSync(path.join(dist, file))),
    0,
  )

/** A module bundled by itself. Of the small runtime's JavaScript, an app gets the kernels that its programs name. */
async function script(module) {
  const bundle = await rolldown({ input: require.resolve(module), platform: 'browser' })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  await bundle.close()
  return brotli(Buffer.from(output[0].code))
}

const loader = await script('@whittle/runtime')
const sizes = {
  wasm: loader + ort('', 'ort.wasm.min.mjs'),
  webgpu: loader + ort('.jspi', 'ort.jspi.min.mjs'),
  webnn: loader + ort('.jspi', 'ort.jspi.min.mjs'),
  tfjs: loader + brotli(readFileSync(tfjs)) + (await script('@whittle/tfjs/run')),
}

const text = `import type { Target } from '@whittle/ir'

/**
 * Brotli bytes of each runtime with Whittle's loader, WebAssembly and JavaScript, by the provider that it has: onnxruntime-web ${versionOf(dist)} (for WebGPU and WebNN the build
 * for browsers with WebAssembly's promise integration, the smaller one), and tfjs-backend-wasm ${versionOf(path.dirname(tfjs))} with all kernels. Written by
 * tools/generate/runtime-sizes.mjs.
 */
export const RUNTIME_BROTLI: Readonly<Record<Target['provider'], number>> = ${JSON.stringify(sizes, null, 2).replaceAll('"', '')}

/** The versions that were measured. */
export const RUNTIME_VERSIONS = { 'onnxruntime-web': '${versionOf(dist)}', '@tensorflow/tfjs-backend-wasm': '${versionOf(path.dirname(tfjs))}' } as const
`
writeFileSync(fileURLToPath(new URL('../../packages/targets/src/runtime-sizes.ts', import.meta.url)), text)

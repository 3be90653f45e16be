import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { brotliCompressSync, constants } from 'node:zlib'
import { expect, it } from 'vitest'
import { RUNTIME_BROTLI, RUNTIME_VERSIONS } from '../src/index.ts'

const require = createRequire(import.meta.url)

/** The version of the package that a file belongs to. */
function versionAt(file: string): string {
  const at = require.resolve(file)
  return (JSON.parse(readFileSync(at.slice(0, at.indexOf('/dist/')) + '/package.json', 'utf8')) as { version: string }).version
}

it('knows what the installed runtimes take of a download', () => {
  expect(versionAt('onnxruntime-web/ort-wasm-simd-threaded.wasm')).toBe(RUNTIME_VERSIONS['onnxruntime-web'])
  const tfjs = '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm'
  expect(versionAt(tfjs)).toBe(RUNTIME_VERSIONS['@tensorflow/tfjs-backend-wasm'])
  const brotli = brotliCompressSync(readFileSync(require.resolve(tfjs)), { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).byteLength
  // Its JavaScript and the loader lie between.
  expect(RUNTIME_BROTLI.tfjs).toBeGreaterThan(brotli + 5000)
  expect(RUNTIME_BROTLI.tfjs).toBeLessThan(brotli + 25_000)
  expect(RUNTIME_BROTLI.tfjs * 15).toBeLessThan(RUNTIME_BROTLI.wasm)
})

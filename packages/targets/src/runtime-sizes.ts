import type { Target } from '@whittle/ir'

/**
 * Brotli bytes of each runtime with Whittle's loader, WebAssembly and JavaScript, by the provider that it has: onnxruntime-web 1.30.0 (for WebGPU and WebNN the build
 * for browsers with WebAssembly's promise integration, the smaller one), and tfjs-backend-wasm 4.22.0 with all kernels. Written by
 * tools/generate/runtime-sizes.mjs.
 */
export const RUNTIME_BROTLI: Readonly<Record<Target['provider'], number>> = {
  wasm: 2382677,
  webgpu: 2719059,
  webnn: 2719059,
  tfjs: 119079,
}

/** The versions that were measured. */
export const RUNTIME_VERSIONS = { 'onnxruntime-web': '1.30.0', '@tensorflow/tfjs-backend-wasm': '4.22.0' } as const

import type { Target } from '@whittle/ir'

/**
 * TensorFlow.js's WebAssembly with SIMD, one thread, called without its JavaScript: the small runtime, on every device that `wasm` runs on. It is
 * no target to ask for: an import's `wasm` variant runs on it, or on onnxruntime-web.
 */
export const tfjs: Target = {
  name: 'wasm',
  provider: 'tfjs',
  probes: ['tfjs'],
  rank: 30,
  minOpset: 1,
  maxOpset: 23,
  staticShapes: false,
  computes: [],
  storage: 'weight-file',
  elementTypes: ['float32', 'int32', 'bool'],
  limits: { memory: 65535 * 65536 },
  sources: {
    computes: {
      how: "tfjs-backend-wasm 4.22.0, src/cc: its kernels call XNNPACK's float32 operators; none of its kernels computes in 8 bits",
      date: '2026-11-25',
    },
    elementTypes: { how: 'tfjs-backend-wasm 4.22.0, dist/kernels/types.js', date: '2026-11-25' },
    limits: { how: 'tfjs-backend-wasm 4.22.0, wasm-out/tfjs-backend-wasm.js: getHeapMax gives 4294901760', date: '2026-11-25' },
  },
}

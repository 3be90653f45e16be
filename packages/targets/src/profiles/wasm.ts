import type { Target } from '@whittle/ir'
import { wasmCost } from '../cost/wasm.ts'
import { onnxruntimeWeb, tensorTypes } from '../sources.ts'

/**
 * WebAssembly with SIMD: every browser has it. With one thread or with several it is the same target: nothing that is known of it, ops, types,
 * forms or limits, differs; the cost table is that of one thread.
 */
export const wasm: Target = {
  name: 'wasm',
  provider: 'wasm',
  probes: ['wasm'],
  rank: 30,
  minOpset: 7,
  maxOpset: 23,
  staticShapes: false,
  computes: ['qdq-u8s8', 'dynamic-u8'],
  storage: 'cast-mul',
  elementTypes: [
    'float32',
    'float64',
    'int8',
    'uint8',
    'int16',
    'uint16',
    'int32',
    'uint32',
    'int64',
    'uint64',
    'bool',
    'float16',
    'string',
  ],
  cost: wasmCost,
  limits: { memory: 65536 * 65536 },
  sources: {
    computes: {
      how: 'measured in Chromium, 1 thread: QDQ with uint8 activations and int8 weights takes 0.48 to 0.94 of the time of fp32 on dense layers; with int8 activations 1.7 to 20 times as long; inputs rounded at every run take 0.57 to 0.87 on such layers; float16 has no kernels and is cast to float32',
      date: '2026-11-24',
    },
    storage: {
      how: 'measured in Chromium: Cast and Mul of a constant are folded when the session is made and cost nothing per run; DequantizeLinear is not folded and takes up to 24 times as long',
      date: '2026-11-24',
    },
    opset: onnxruntimeWeb,
    elementTypes: tensorTypes('DataTypeMap'),
    limits: {
      how: 'onnxruntime-web 1.30.0, dist/ort-wasm-simd-threaded.mjs: its WebAssembly.Memory has at most 65536 pages of 64 KiB, which is the limit of 32-bit WebAssembly',
      date: '2026-11-25',
    },
  },
}

import type { Target } from '@whittle/ir'
import { constantsFolded, onnxruntimeWeb, tensorTypes, webgpuCrossing } from '../sources.ts'

const shared = {
  opset: onnxruntimeWeb,
  storage: constantsFolded,
  elementTypes: tensorTypes('GpuBufferDataTypes, of which int64 and uint8 are left out here,'),
  limits: {
    how: "https://www.w3.org/TR/webgpu/#limits: the defaults of maxBufferSize and maxStorageBufferBindingSize, which Chromium 147 gave a device that asked for nothing; onnxruntime-web asks for the adapter's own, which are as large or larger",
    date: '2026-11-25',
  },
  crossing: webgpuCrossing,
}

/** WebGPU in float32, weights of few bits as they are: activations are never quantized, since QuantizeLinear has no kernel there and would cross to the CPU node by node. */
export const webgpu: Target = {
  name: 'webgpu',
  provider: 'webgpu',
  probes: ['webgpu'],
  rank: 20,
  minOpset: 7,
  maxOpset: 23,
  staticShapes: false,
  computes: ['matmul-nbits', 'gather-block'],
  storage: 'cast-mul',
  elementTypes: ['float32', 'float16', 'int32', 'uint32', 'bool'],
  limits: { buffer: 256 * 2 ** 20, binding: 128 * 2 ** 20 },
  crossing: { perCrossing: 470, perMillionBytes: 114 },
  sources: {
    ...shared,
    computes: {
      how: 'onnxruntime-web 1.30.0, docs/webgpu-operators.md: MatMulNBits and GatherBlockQuantized have kernels, QuantizeLinear has none',
      date: '2026-11-25',
    },
  },
}

/** WebGPU on adapters that have `shader-f16`: without it float16 gives errors or wrong values, so another variant is taken there. */
export const webgpuF16: Target = {
  ...webgpu,
  name: 'webgpu-f16',
  probes: ['webgpu', 'shader-f16'],
  rank: 10,
  computes: ['fp16', 'matmul-nbits', 'gather-block'],
  sources: {
    ...shared,
    computes: {
      how: 'onnxruntime-web 1.30.0, docs/webgpu-operators.md: MatMulNBits and GatherBlockQuantized have kernels; measured: on an adapter without shader-f16 one build of the runtime errs and another returns wrong values',
      date: '2026-11-24',
    },
  },
}

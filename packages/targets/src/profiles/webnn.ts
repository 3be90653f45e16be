import type { Target } from '@whittle/ir'
import { constantsFolded, onnxruntimeWeb, tensorTypes, webnnCrossing } from '../sources.ts'
import { backEndsOf } from './webnn-back-ends.ts'

/** What all WebNN contexts share: a graph that is compiled once for known shapes. */
const shared = {
  provider: 'webnn',
  minOpset: 7,
  maxOpset: 23,
  staticShapes: true,
  computes: [],
  crossing: { perCrossing: 70, perMillionBytes: 114 },
  storage: 'cast-mul',
  elementTypes: ['float32', 'float16', 'int8', 'uint8', 'int32', 'uint32', 'int64', 'uint64', 'bool'],
  sources: {
    opset: onnxruntimeWeb,
    storage: constantsFolded,
    elementTypes: tensorTypes('MLTensorDataTypes'),
    staticShapes: {
      how: 'https://www.w3.org/TR/webnn/: MLOperandDescriptor.shape is a sequence of numbers, given when the graph is built',
      date: '2026-11-25',
    },
    computes: {
      how: 'measured on Chromium 147: QDQ failed for the shape of a scale, dynamic int8 was slower than fp32',
      date: '2026-11-24',
    },
    crossing: webnnCrossing,
  },
} as const satisfies Partial<Target>

export const webnnCpu: Target = {
  ...shared,
  name: 'webnn-cpu',
  deviceType: 'cpu',
  probes: ['webnn-cpu'],
  rank: 28,
  backEnds: backEndsOf('cpu'),
}

export const webnnGpu: Target = {
  ...shared,
  name: 'webnn-gpu',
  deviceType: 'gpu',
  probes: ['webnn-gpu'],
  rank: 16,
  backEnds: backEndsOf('gpu'),
}

export const webnnNpu: Target = {
  ...shared,
  name: 'webnn-npu',
  deviceType: 'npu',
  probes: ['webnn-npu'],
  rank: 14,
  backEnds: backEndsOf('npu'),
}

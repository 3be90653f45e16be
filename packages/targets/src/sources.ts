import type { Source } from '@whittle/ir'

/** The operator lists that ship in the npm package. */
export const onnxruntimeWeb: Source = { how: 'onnxruntime-web 1.30.0, docs/webgpu-operators.md and docs/webnn-operators.md', date: '2026-11-24' }

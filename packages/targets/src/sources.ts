import type { Source } from '@whittle/ir'

/** The operator lists that ship in the npm package. */
export const onnxruntimeWeb: Source = {
  how: 'onnxruntime-web 1.30.0, docs/webgpu-operators.md and docs/webnn-operators.md',
  date: '2026-11-24',
}

/** The element types that its tensors take, by where their data lie. */
export const tensorTypes = (declaration: string): Source => ({
  how: `onnxruntime-common 1.30.0, ${declaration} in lib/tensor.ts`,
  date: '2026-11-25',
})

/** Why weights that are only stored in fewer bits can be unfolded by Cast and Mul on every provider. */
export const constantsFolded: Source = {
  how: 'weights are unfolded by the CPU when the session is made, since Cast and Mul of constants are folded before nodes are placed',
  date: '2026-11-25',
}

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

/** The least that is published of reading back in a browser: on real devices it is as much or more. */
export const webgpuCrossing: Source = {
  how: 'a forecast from published figures, not measured here: submit and mapAsync of a tiny buffer take 0.47 ms in Chrome (https://github.com/ekzhang/jax-js/pull/124, which has 103 ms for Firefox; https://github.com/gpuweb/gpuweb/issues/4432 has 5 to 15 ms for Chrome in 2023); copying 256 KiB and mapAsync take 66 microseconds natively on Dawn, of which 36 go to an empty queue, so that 114 a million bytes are left (https://github.com/dawn-gpu/node-webgpu/issues/17)',
  date: '2026-12-01',
}

/** Nothing is published of WebNN: a round trip to the process in which it runs is a lower bound. */
export const webnnCrossing: Source = {
  how: "a forecast from published figures, not measured here, and none of them is WebNN's: asking Chrome's GPU process, in which WebNN runs as well, and doing nothing there takes 0.07 ms (https://github.com/ekzhang/jax-js/pull/124); copies as on WebGPU (https://github.com/dawn-gpu/node-webgpu/issues/17)",
  date: '2026-12-01',
}

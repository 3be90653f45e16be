// The exact types of this project's model imports, written by Whittle. Commit this file, and leave it to Whittle.

// src/direction.onnx
declare module '*/direction.onnx?int8&prune=0.3' {
  const model: import('@whittle/runtime').Model<
    { "x": import('@whittle/runtime').Tensor<'float32', readonly [number, 3, number, number]> },
    { "softmax_0.tmp_0": import('@whittle/runtime').Tensor<'float32', readonly [number, 2]> }
  >
  export default model
}

declare module '*.onnx' {
  const model: import('@whittle/runtime').Model
  export default model
}

declare module '*.tflite' {
  const model: import('@whittle/runtime').Model
  export default model
}

declare module '*as=url' {
  const url: string
  export default url
}

declare module '*as=manifest' {
  const manifest: import('@whittle/runtime').Manifest
  export default manifest
  /** The address of each of the manifest's files, by its path. */
  export const urls: Readonly<Record<string, string>>
}

declare module '*as=report' {
  const report: import('@whittle/rollup-plugin').CompileReport
  export default report
}

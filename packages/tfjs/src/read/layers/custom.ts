import { channelsFirst } from '../blocks/window.ts'
import type { LayerRule } from './call.ts'

/** Layers of widely used models that TensorFlow.js does not have; apps register them with `tf.serialization.registerClass`. */
export const knownCustomLayers: Readonly<Record<string, LayerRule>> = {
  // ESRGAN of @upscalerjs: https://github.com/thekevinscott/UpscalerJS
  MultiplyBeta: ({ e, x }) => e.node('Mul', [x, e.scalar(0.2)]),
  ...Object.fromEntries(
    [2, 3, 4, 8].map((scale): [string, LayerRule] => [
      `PixelShuffle${scale}x`,
      ({ e, x }) => channelsFirst(e, x, true, (first) => e.node('DepthToSpace', [first], { blocksize: scale, mode: 'DCR' })),
    ]),
  ),
}

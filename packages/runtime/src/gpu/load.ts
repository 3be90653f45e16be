import type { Manifest } from '@whittle/targets'
import type { LoadOptions, Model } from '../model.ts'
import type { Session, TensorMap } from '../session.ts'
import type { Ort } from '../source.ts'
import type { Tensor } from '../tensor.ts'
import { adapt, asking } from './adapt.ts'
import type { AnyTensor } from './gpu-data.ts'

/** WebGPU's `GPUDevice`, where TypeScript knows it. */
export type GpuDevice = Awaited<Ort['env']['webgpu']['device']>

/** The tensors of a model, each on the GPU or not. */
export type OnGpu<Tensors> = {
  readonly [Name in keyof Tensors]: Tensors[Name] extends Tensor<infer E, infer D> ? AnyTensor<E, D> : Tensors[Name]
}

export interface GpuRunOptions {
  /**
   * Where outputs are wanted. `gpu`: left on the GPU, where the session runs on WebGPU; they hold its memory until `releaseTensor`. Elsewhere, and of
   * element types that onnxruntime-web keeps on no GPU, they are arrays all the same.
   * @default 'cpu'
   */
  readonly outputs?: 'cpu' | 'gpu'
}

/** A session that takes inputs on the GPU, and can leave outputs there. */
export interface GpuSession<Inputs = TensorMap, Outputs = TensorMap> extends Omit<Session<Inputs, Outputs>, 'run'> {
  run(inputs: OnGpu<Inputs>, options: GpuRunOptions & { readonly outputs: 'gpu' }): Promise<OnGpu<Outputs>>
  run(inputs: OnGpu<Inputs>, options?: GpuRunOptions): Promise<Outputs>
  /** The device on which WebGPU computes, for buffers of the app's own; undefined where the model runs elsewhere. All sessions of a page that take the same build of onnxruntime-web share it. */
  readonly gpuDevice: Promise<GpuDevice> | undefined
}

/**
 * As `model.load(options)`, for what goes from one model to the next, or to a canvas, without leaving the GPU. Where a model does not run on WebGPU, or
 * its device is lost, the same calls go on with arrays.
 * @example
 * const { features } = await encoder.run({ image }, { outputs: 'gpu' })
 * const { mask } = await decoder.run({ features })
 * releaseTensor(features)
 */
export async function loadGpu<Inputs, Outputs>(
  model: Model<Inputs, Outputs>,
  options: LoadOptions = {},
): Promise<GpuSession<Inputs, Outputs>> {
  let env: Ort['env'] | undefined
  const adapted = (ort: Ort, manifest: Manifest): Ort => {
    env = ort.env
    return adapt(ort, manifest)
  }
  const session = await model.load({ ...options, adapt: adapted })
  // What the session says of itself may change when a device is lost.
  return Object.create(session, {
    run: {
      value: (inputs: TensorMap, { outputs = 'cpu' }: GpuRunOptions = {}) =>
        session.run((outputs === 'gpu' ? asking(inputs) : inputs) as Inputs),
    },
    gpuDevice: { get: () => (session.device === 'webgpu' ? env?.webgpu.device : undefined) },
  }) as GpuSession<Inputs, Outputs>
}

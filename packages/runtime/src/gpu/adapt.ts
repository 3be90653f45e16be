import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-web'
import type { Manifest } from '@whittle/targets'
import type { Ort } from '../source.ts'
import { RunError, messageOf } from '../errors.ts'
import { enqueue } from '../start.ts'
import { holds, type ElementType, type Tensor, type TensorArrays } from '../tensor.ts'
import type { TensorMap } from '../session.ts'
import { GPU_TYPES, GpuData } from './gpu-data.ts'

/** The elements of an input, with the wish that the outputs stay on the GPU: a run takes nothing but inputs. */
class Asking {
  readonly data: Tensor['data'] | GpuData
  readonly length: number

  constructor(data: Tensor['data'] | GpuData) {
    this.data = data
    this.length = data.length
  }

  /** As the elements say it of themselves: the loader tells by it which elements an array holds. */
  get [Symbol.toStringTag](): string {
    return Object.prototype.toString.call(this.data).slice('[object '.length, -1)
  }
}

/** Inputs that ask for outputs on the GPU. What is not valid stays as it is, so that the loader says so. */
export function asking(inputs: TensorMap): TensorMap {
  if (inputs === null || typeof inputs !== 'object') return inputs
  return Object.fromEntries(
    Object.entries(inputs).map(([name, given]) => {
      const asks = given && !Array.isArray(given.data) && holds(given.data, given.type)
      return [name, asks ? { ...given, data: new Asking(given.data) as unknown as Tensor['data'] } : given]
    }),
  )
}

/** An input, until it is known where it is run. */
class Feed {
  readonly type: ElementType
  readonly data: Tensor['data'] | GpuData | Asking
  readonly dims: readonly number[]

  constructor(type: ElementType, data: Feed['data'], dims: readonly number[]) {
    this.type = type
    this.data = data
    this.dims = dims
  }
}

/**
 * The part of onnxruntime-web's interface that the loader uses, with sessions that take inputs from the GPU, and leave outputs there where the
 * inputs ask for it. Elsewhere than on WebGPU, inputs are copied from the GPU, and outputs are arrays.
 */
export function adapt(ort: Ort, { outputs }: Manifest): Ort {
  const locations = Object.fromEntries(
    outputs.map(({ name, elementType }) => [name, GPU_TYPES.includes(elementType) ? ('gpu-buffer' as const) : ('cpu' as const)]),
  )

  async function create(bytes: Uint8Array, options: InferenceSession.SessionOptions) {
    const onGpu = options.executionProviders?.[0] === 'webgpu'
    const asked = onGpu ? { ...options, preferredOutputLocation: locations } : options
    const session = await enqueue(ort, () => ort.InferenceSession.create(bytes, asked))
    // A run that reads nothing back does not notice.
    let lost = false
    if (onGpu) void whenLost(ort).then(() => (lost = true))

    const tensorOf = async ({ type, data, dims }: Feed): Promise<OrtTensor> => {
      const own = data instanceof Asking ? data.data : data
      if (onGpu && own instanceof GpuData)
        return ort.Tensor.fromGpuBuffer(own.buffer, { dataType: type as OrtTensor.GpuBufferDataTypes, dims })
      return new ort.Tensor(type as 'float32', (own instanceof GpuData ? await own.read() : own) as Float32Array, dims)
    }

    const run = async (feeds: Readonly<Record<string, Feed>>) => {
      const stays = Object.values(feeds).some(({ data }) => data instanceof Asking)
      const entries = await Promise.all(Object.entries(feeds).map(async ([name, feed]) => [name, await tensorOf(feed)] as const))
      return enqueue(ort, async () => {
        if (lost) throw new Error('the GPU device was lost')
        const results: Record<string, unknown> = {}
        for (const [name, result] of Object.entries(await session.run(Object.fromEntries(entries)))) {
          const { type, dims } = result
          if (result.location !== 'gpu-buffer') results[name] = result
          else results[name] = { type, dims, data: stays ? dataOf(ort, result) : await result.getData(true) }
        }
        return results
      })
    }
    return { run, release: () => enqueue(ort, () => session.release()) }
  }

  return { env: ort.env, Tensor: Feed, InferenceSession: { create } } as unknown as Ort
}

/** Settles when the device of a build of onnxruntime-web is lost. */
async function whenLost(ort: Ort): Promise<unknown> {
  return ((await ort.env.webgpu.device) as { readonly lost: Promise<unknown> }).lost
}

function dataOf(ort: Ort, result: OrtTensor): GpuData {
  return new GpuData(result.type as ElementType, result.dims, {
    buffer: result.gpuBuffer,
    read: () =>
      enqueue(ort, () => result.getData() as Promise<TensorArrays[ElementType]>).catch((cause) => {
        const why = `what is on the GPU could not be read, run the model again: ${messageOf(cause)}`
        throw new RunError('RUN_FAILED', why, { cause })
      }),
    dispose: () => result.dispose(),
  })
}

import {
  type Dim,
  type ElementType,
  type EngineSession,
  type Model,
  type SessionOptions,
  type Tensors,
  UnsupportedError,
  messageOf,
} from '@whittle/ir'
import type { InferenceSession, InferenceSessionFactory, TensorConstructor } from 'onnxruntime-common'
import { withCaptured } from './capture.ts'
import { fromOrt, toOrt } from './convert.ts'
import { type Port, checkInputs } from './ports.ts'

/** What this package uses of onnxruntime-node and onnxruntime-web, which share their interface. */
export interface Ort {
  readonly InferenceSession: InferenceSessionFactory
  readonly Tensor: TensorConstructor
}

/** Runs one task after another: onnxruntime's wasm is one memory, and native runs would fight for the same cores. */
export type Queue = <T>(task: () => Promise<T>) => Promise<T>

export function createQueue(): Queue {
  let last: Promise<unknown> = Promise.resolve()
  return (task) => {
    const result = last.then(task)
    last = result.catch(() => {})
    return result
  }
}

/** @throws {UnsupportedError} when onnxruntime refuses the model, with its reason in one line. */
export async function openSession(
  ort: Ort,
  engine: string,
  provider: string,
  model: Model | Uint8Array,
  options: SessionOptions,
  queue: Queue,
): Promise<EngineSession> {
  const bytes = await bytesOf(model, options.capture)
  const session = await queue(() => createSession(ort, engine, provider, bytes, options))
  const ports = session.inputMetadata.map(portOf)
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(inputs) {
      checkInputs(inputs, ports)
      const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, toOrt(ort.Tensor, name, tensor)]))
      return await queue(async () => {
        let outputs: InferenceSession.OnnxValueMapType
        try {
          outputs = await session.run(feeds)
        } catch (error) {
          throw new UnsupportedError('ENGINE_RUN', `the ${engine} engine failed to run the model: ${reasonOf(error)}`, { cause: error })
        }
        const results: Tensors = {}
        for (const name of session.outputNames) results[name] = fromOrt(outputs[name]! as Parameters<typeof fromOrt>[0])
        return results
      })
    },
    dispose: () => queue(() => session.release()),
  }
}

async function bytesOf(model: Model | Uint8Array, capture: readonly string[] = []): Promise<Uint8Array> {
  if (!(model instanceof Uint8Array)) {
    // Loaded when it is needed: a build that finds everything in the cache writes no model.
    const { writeOnnx } = await import('@whittle/ir/onnx')
    return writeOnnx(capture.length > 0 ? withCaptured(model, capture) : model)
  }
  if (capture.length > 0)
    throw new UnsupportedError('ENGINE_CAPTURE', 'inner values can be captured of an IR model only, not of the bytes of a file')
  return model
}

async function createSession(
  ort: Ort,
  engine: string,
  provider: string,
  bytes: Uint8Array,
  options: SessionOptions,
): Promise<InferenceSession> {
  if (bytes.byteLength === 0) throw new UnsupportedError('ENGINE_REFUSED', `the ${engine} engine refuses the model: it is empty (0 bytes)`)
  try {
    return await ort.InferenceSession.create(bytes, {
      executionProviders: [provider],
      graphOptimizationLevel: options.optimization === 'none' ? 'disabled' : 'all',
      logSeverityLevel: 4,
      ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
    })
  } catch (error) {
    throw new UnsupportedError('ENGINE_REFUSED', `the ${engine} engine refuses the model: ${reasonOf(error)}`, { cause: error })
  }
}

function portOf(metadata: InferenceSession.ValueMetadata): Port {
  if (!metadata.isTensor) return { name: metadata.name, elementType: undefined, dims: undefined }
  return {
    name: metadata.name,
    elementType: metadata.type as ElementType,
    dims: metadata.shape.map((dim): Dim => (isKnown(dim) ? dim : '?')),
  }
}

/** A free dimension without a name is '' or -1 to onnxruntime, and in its wasm build -1 read as an unsigned number. */
function isKnown(dim: Dim): boolean {
  return typeof dim === 'number' ? dim >= 0 && dim < 2 ** 31 : dim !== ''
}

/** onnxruntime's own words, on one line, without the prefix of its wasm build. */
function reasonOf(error: unknown): string {
  return messageOf(error)
    .replace(/^.*ERROR_MESSAGE:\s*/s, '')
    .replace(/\s+/g, ' ')
    .trim()
}

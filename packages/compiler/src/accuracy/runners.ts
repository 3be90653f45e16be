import { createHash } from 'node:crypto'
import { type Engine, type EngineSession, type Tensors, byteLengthOf, isTensor } from '@whittle/ir'

/** A model that a metric may run. */
export interface Runner {
  run(inputs: Tensors): Promise<Tensors>
  /** Frees the session; the next run opens another. */
  close(): Promise<void>
}

/** Opens the session at the first run: not every metric runs every model. */
export function openLate(engine: Engine, file: Uint8Array, signal?: AbortSignal): Runner {
  let opened: Promise<EngineSession> | undefined
  return {
    async run(inputs) {
      signal?.throwIfAborted()
      const session = await (opened ??= engine.open(file))
      return await session.run(inputs)
    },
    async close() {
      const last = opened
      opened = undefined
      const session = await last?.catch(() => undefined)
      await session?.dispose()
    },
  }
}

/** Bytes of outputs that are kept. */
const MOST_BYTES = 64 * 2 ** 20

/** A runner that gives what it gave before where the inputs are the same, so that the original is not run again for each variant. */
export function remembering({ run, close }: Runner): Runner {
  const known = new Map<string, Tensors>()
  let bytes = 0
  return {
    close,
    async run(inputs) {
      const key = keyOf(inputs)
      if (key === undefined) return await run(inputs)
      const before = known.get(key)
      if (before) return before
      const outputs = await run(inputs)
      bytes += Object.values(outputs).reduce((sum, { type, size }) => sum + byteLengthOf(type, size), 0)
      if (bytes <= MOST_BYTES) known.set(key, outputs)
      return outputs
    },
  }
}

/** undefined for strings, and for what is no tensor, which the session will name. */
function keyOf(inputs: Tensors): string | undefined {
  const hash = createHash('sha256')
  for (const name of Object.keys(inputs ?? {}).sort()) {
    const tensor = inputs[name]
    if (!isTensor(tensor) || tensor.type === 'string') return undefined
    hash.update(`${name} ${tensor.type} ${tensor.dims.join()}\0`).update(tensor.bytes())
  }
  return hash.digest('base64')
}

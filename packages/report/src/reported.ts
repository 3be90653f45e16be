import { type CompileResult, type ImportLayers, layersOf, messageOf, WhittleError } from '@whittle/compiler'

/** An import with all that a report says of it. */
export interface Reported {
  readonly result: CompileResult
  /** Absent where the model cannot be read again; `missing` says why. */
  readonly layers?: ImportLayers
  readonly missing?: string
}

const known = new WeakMap<CompileResult, Promise<Reported>>()

/** Reads the files of a result, once however often it is asked. */
export function reportedOf(result: CompileResult): Promise<Reported> {
  const made = known.get(result) ?? read(result)
  known.set(result, made)
  return made
}

async function read(result: CompileResult): Promise<Reported> {
  try {
    return { result, layers: await layersOf(result) }
  } catch (error) {
    if (!(error instanceof WhittleError)) throw error
    known.delete(result)
    return { result, missing: messageOf(error) }
  }
}

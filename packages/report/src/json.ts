import type { CompileResult, ImportLayers } from '@whittle/compiler'
import type { Reported } from './reported.ts'

/** The form of the JSON; it changes when a field is renamed or taken away. */
export const REPORT_FORMAT = 1

/** An import as JSON: the result without the bytes of its files, and without the machine's paths. */
export interface JsonImport extends Omit<CompileResult, 'artefacts' | 'watch'> {
  readonly artefacts: readonly { readonly name: string; readonly sha256: string; readonly bytes: number }[]
  /** By the hash of the file; absent where the model could not be read again. */
  readonly layers?: ImportLayers
}

/** What `reportJson` gives. */
export interface JsonReport {
  readonly format: typeof REPORT_FORMAT
  readonly imports: readonly JsonImport[]
}

export function json(imports: readonly Reported[]): JsonReport {
  return {
    format: REPORT_FORMAT,
    imports: imports.map(({ result: { artefacts, watch: _, ...rest }, layers }) => ({
      ...rest,
      artefacts: artefacts.map(({ name, sha256, bytes }) => ({ name, sha256, bytes: bytes.byteLength })),
      ...(layers ? { layers } : {}),
    })),
  }
}

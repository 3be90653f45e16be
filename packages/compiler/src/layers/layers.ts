import type { CompileResult, VariantReport } from '../types.ts'
import type { ImportLayers } from './layer.ts'

/**
 * What the files of a result hold, layer by layer, read back from the files themselves: bits, zeros, bytes, and how far weights and what layers give are
 * from the original's. Reads the model again, and runs it and each file once on one made-up sample.
 * @throws {ModelError} where the model is not there any more, or is another than the one that was compressed.
 */
export async function layersOf(result: CompileResult): Promise<ImportLayers> {
  // Readers and engines are loaded for those who ask.
  const { OriginalLayers } = await import('./original.ts')
  const { fileLayers } = await import('./file-layers.ts')
  const original = await OriginalLayers.of(result)
  const files: Record<string, ImportLayers['files'][string]> = {}
  for (const { sha256, bytes } of result.artefacts) {
    const variants = variantsOf(result, sha256)
    if (variants[0]) files[sha256] = await fileLayers(bytes, variants[0], original)
  }
  return { original: original.summary, files }
}

/** The variants that a file is shipped for. */
export function variantsOf({ manifest, report }: CompileResult, sha256: string): VariantReport[] {
  const ids = new Set(manifest.variants.filter(({ files }) => files[0]!.sha256 === sha256).map(({ id }) => id))
  return report.variants.filter(({ id }) => ids.has(id))
}

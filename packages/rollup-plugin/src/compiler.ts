import type { Artefact, CompileReport, CompileRequest, CompileResult } from '@whittle/compiler'

export type { Artefact, CompileReport, CompileResult }

export type Manifest = CompileResult['manifest']

/** What the plugin asks of `@whittle/compiler`, which is loaded when the first model is met. */
export interface Compiler {
  compile(request: CompileRequest): Promise<CompileResult>
  isModelImport(id: string): boolean
  canonicalQuery(query: string): string
  queryOutput(query: string): 'model' | 'url' | 'manifest' | 'report'
  declarations(imports: readonly { file: string; query: string; manifest: Manifest }[], root: string, previous?: string): string
  divideFiles(result: CompileResult, maxFile: number): CompileResult
  partsOf(file: Artefact, maxFile: number): Artefact[]
  summary(results: readonly CompileResult[]): string
}

export { compareModels } from './compare.ts'
export { compile } from './compile.ts'
export { defineConfig, loadConfig } from './config.ts'
export { declarations } from './declarations.ts'
export type { Alternative, Directive, Format, Output, Request } from './directives/directive.ts'
export { canonicalQuery, isModelImport, parseQuery, queryOutput, splitQuery } from './directives/parse.ts'
export { DIRECTIVES, TRANSFORM_OPTIONS } from './directives/table.ts'
export { inspect } from './inspect.ts'
export { lower, type Lowering } from './lower/lower.ts'
export { bytesText, summary } from './summary.ts'
export type {
  Artefact,
  CompileProgress,
  CompileReport,
  CompileRequest,
  CompileResult,
  Quality,
  VariantReport,
  WhittleConfig,
} from './types.ts'
export { defineDataset, defineMetric } from '@whittle/ir'

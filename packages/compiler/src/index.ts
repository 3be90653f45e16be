export { accuracyText } from './accuracy/words.ts'
export { compareModels, type CompareRequest, type Comparison } from './compare.ts'
export { compile } from './compile.ts'
export { loadConfig } from './config.ts'
export { declarations, type DeclaredImport } from './declarations.ts'
export { defineConfig } from './define-config.ts'
export type { Alternative, Directive, Format, Output, Request } from './directives/directive.ts'
export { canonicalQuery, isModelImport, parseQuery, queryOutput, splitQuery } from './directives/parse.ts'
export { DIRECTIVES, TRANSFORM_OPTIONS } from './directives/table.ts'
export { MANY_PARTITIONS, forecast, type Forecast } from './forecast.ts'
export type { ForecastCost } from './forecast-cost.ts'
export { inspect, type ModelSummary, type WeightSummary } from './inspect.ts'
export type { FileLayers, GraphNode, GraphSummary, ImportLayers, Layer, LayerForm } from './layers/layer.ts'
export { layersOf, variantsOf } from './layers/layers.ts'
export { lower, type Lowering } from './lower/lower.ts'
export { divideFiles, partsOf } from './parts.ts'
export { TFJS_VERSION, tfjsEngine } from './small-runtime/engine.ts'
export { weightFile, type WeightFile } from './small-runtime/weight-file.ts'
export { bytesText, summary } from './summary.ts'
export type {
  Accuracy,
  Artefact,
  CompileProgress,
  CompileReport,
  CompileRequest,
  CompileResult,
  DroppedVariant,
  Quality,
  VariantReport,
  WhittleConfig,
} from './types.ts'
export { describePort, loadDataset, nativeEngine, wasmEngine, type Port } from '@whittle/engine'
export {
  OptionError,
  UnsupportedError,
  WhittleError,
  defineDataset,
  defineMetric,
  messageOf,
  silentLogger,
  type Dataset,
  type Logger,
  type Metric,
} from '@whittle/ir'
export { RUNTIME_BROTLI, type Manifest, type ManifestVariant } from '@whittle/targets'

export { asAttribute, graphsOf, type Attribute, type AttributeLike } from './attribute.ts'
export { compress, type StepReport } from './compress.ts'
export { defineDataset, defineMetric, type Dataset, type Metric, type Runners, type Sample } from './dataset.ts'
export type { ChannelDistribution } from './distribution.ts'
export { bitsOf, byteLengthOf, elementTypes, kindOf, type ElementKind, type ElementType } from './element-type.ts'
export type { Engine, EngineSession, SessionOptions, Tensors } from './engine.ts'
export {
  BudgetError,
  DatasetError,
  ModelError,
  OptionError,
  TransformError,
  UnsupportedError,
  WhittleError,
  invalidOption,
  messageOf,
} from './errors.ts'
export { fromBfloat16Bits, fromFloat16Bits, toBfloat16Bits, toFloat16Bits } from './float16.ts'
export { Graph, Node, Value, type Dim, type NodeSpec, type Use } from './graph.ts'
export { INNER_OPSET, Model, type ModelMetadata } from './model.ts'
export { silentLogger, type Logger } from './logger.ts'
export {
  rangeOf,
  scaleDims,
  scaleIndices,
  type CodebookQuantization,
  type DynamicQuantization,
  type FloatQuantization,
  type FullPrecision,
  type IntegerQuantization,
  type Quantization,
  type ScaleGrid,
} from './quantization.ts'
export { permuted } from './permuted.ts'
export { removeUnused } from './remove-unused.ts'
export { createRandom, type Random } from './random.ts'
export type {
  BackEnd,
  ComputeForm,
  CostRow,
  CostTable,
  CrossingCost,
  RuntimeCostRow,
  RuntimeCostTable,
  Source,
  Target,
  TargetLimits,
} from './target.ts'
export { Tensor, isTensor, type TensorData } from './tensor.ts'
export type { Checkpoints, Context, JsonObject, JsonValue, Report, Transform } from './transform.ts'
export { problemsOf, validate, validatorRules } from './validate.ts'
export { constantOf } from './ops/constant.ts'
export { evaluateDim, substituteDim } from './ops/dim.ts'
export { inferShapes, type InferOptions } from './ops/infer.ts'
export { macsOf } from './ops/macs.ts'
export { axisRuleOf } from './ops/axes/rule.ts'
export type {
  AxisLink,
  AxisPart,
  AxisPlace,
  AxisRule,
  Container,
  Facts,
  KeptIndices,
  NodeRewrite,
  OpRow,
  ValueFact,
  WeightRole,
  WeightSlot,
} from './ops/row.ts'
export { opFamilies, opRow, opTable } from './ops/table.ts'
export { kernelOf, weightsOf, weightsOfNode, type Weight } from './ops/weights.ts'
export { printModel, type PrintOptions } from './print.ts'
export { valuesRead } from './values-read.ts'

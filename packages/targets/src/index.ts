export { goldenValues, sketch, sketchSqnr } from './golden.ts'
export {
  MANIFEST_FORMAT,
  PARTS_FORMAT,
  type ArtefactFile,
  type FilePart,
  type Golden,
  type GoldenInput,
  type Manifest,
  type ManifestVariant,
  type Port,
} from './manifest.ts'
export { RUNTIME_BROTLI, RUNTIME_VERSIONS } from './runtime-sizes.ts'
export { TARGETS, TARGET_GROUPS, findTargets } from './table.ts'
export { tfjsCost } from './cost/tfjs.ts'
export { tfjs } from './profiles/tfjs.ts'
export { wasm } from './profiles/wasm.ts'
export { webgpu, webgpuF16 } from './profiles/webgpu.ts'
export { webnnCpu, webnnGpu, webnnNpu } from './profiles/webnn.ts'
export type { HostValues, Operator, OperatorLimit, OperatorList, OpsetRange } from './operators/operator.ts'
export { OPERATOR_LISTS, operatorFacts, type OperatorFacts } from './operators/operators.ts'
export { HOST_VALUES, OPERATOR_LIMITS } from './operators/overlay.ts'

export { goldenValues, sketch, sketchSqnr } from './golden.ts'
export {
  MANIFEST_FORMAT,
  type ArtefactFile,
  type Golden,
  type GoldenInput,
  type Manifest,
  type ManifestVariant,
  type Port,
} from './manifest.ts'
export { TARGETS, TARGET_GROUPS, findTargets } from './table.ts'
export { wasm } from './profiles/wasm.ts'
export { webgpu, webgpuF16 } from './profiles/webgpu.ts'
export { webnnCpu, webnnGpu, webnnNpu } from './profiles/webnn.ts'

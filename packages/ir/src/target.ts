import type { ElementType } from './element-type.ts'

/** Where a fact comes from, so that it can be checked again. */
export interface Source {
  /** What was read or measured, and how. */
  readonly how: string
  /** ISO date. */
  readonly date: string
}

/** The forms in which a target computes with quantized weights or activations. */
export type ComputeForm = 'qdq-u8s8' | 'dynamic-u8' | 'fp16' | 'matmul-nbits' | 'gather-block'

/** One measured row: how long a node takes in int8, as a ratio to fp32 in the same run. */
export interface CostRow {
  readonly op: 'Conv' | 'MatMul'
  /** Spatial kernel, [1, 1] for MatMul. */
  readonly kernel: readonly number[]
  readonly depthwise: boolean
  /** Input channels of one group, output channels, and output positions (rows for MatMul). */
  readonly inputChannels: number
  readonly outputChannels: number
  readonly positions: number
  /** Microseconds on the machine that measured; only their ratios mean anything elsewhere. */
  readonly fp32: number
  readonly int8: number
}

/** Measured costs of a target, from `tools/generate`. */
export interface CostTable {
  readonly rows: readonly CostRow[]
  /** Microseconds to quantize or dequantize a million elements. */
  readonly quantizePerMillion: number
  readonly dequantizePerMillion: number
  readonly source: Source
}

/** One measured row: how long a node takes in fp32 on onnxruntime-web's wasm, and on the small runtime in the same run. */
export interface RuntimeCostRow extends Omit<CostRow, 'int8'> {
  readonly tfjs: number
}

/** Measured times of the small runtime, from `tools/generate`. */
export interface RuntimeCostTable {
  readonly rows: readonly RuntimeCostRow[]
  readonly source: Source
}

/**
 * What it costs to go from a provider to the CPU in the middle of a run and back, at the least: published figures of the fastest case, not measured
 * on the devices of the target. In microseconds.
 */
export interface CrossingCost {
  /** Until the CPU has what the provider gave, beside the copying. */
  readonly perCrossing: number
  /** Of copying a million bytes. */
  readonly perMillionBytes: number
}

/** Sizes that are there on every device of a target. In bytes. */
export interface TargetLimits {
  /** Of one buffer. */
  readonly buffer?: number
  /** Of what one kernel reads or writes as one tensor. */
  readonly binding?: number
  /** Of all memory of the runtime: weights, activations, and the file while it is read. */
  readonly memory?: number
}

/** What stands behind an API that leaves it open: a system's own machine learning. */
export interface BackEnd {
  readonly name: string
  /** Where it is taken. */
  readonly where: string
  readonly note: string
  readonly source: Source
}

/** What one execution provider on one kind of device can do. Pure JSON. */
export interface Target {
  readonly name: string
  /** onnxruntime-web's name of the execution provider; `tfjs` is TensorFlow.js's WebAssembly, a runtime of its own. */
  readonly provider: 'wasm' | 'webgpu' | 'webnn' | 'tfjs'
  readonly deviceType?: 'cpu' | 'gpu' | 'npu'
  /** The runtime's feature tests that must hold, by name. */
  readonly probes: readonly string[]
  /** Preference at start-up: the least is tried first. */
  readonly rank: number
  readonly minOpset: number
  readonly maxOpset: number
  /** Whether every dimension must be known when the session is made. */
  readonly staticShapes: boolean
  readonly computes: readonly ComputeForm[]
  /** The form in which weights that are only stored with fewer bits are unfolded at load: by ops of the graph, or by the loader. */
  readonly storage: 'cast-mul' | 'weight-file'
  readonly elementTypes: readonly ElementType[]
  readonly cost?: CostTable
  readonly limits?: TargetLimits
  /** Absent where nothing crosses: the provider is the CPU's. */
  readonly crossing?: CrossingCost
  /** Where several may stand behind the provider: which ones, as far as it is published. */
  readonly backEnds?: readonly BackEnd[]
  readonly sources: Readonly<Record<string, Source>>
}

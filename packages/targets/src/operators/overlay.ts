import type { ElementType, Source } from '@whittle/ir'
import type { HostValues, OperatorLimit } from './operator.ts'

/**
 * Reviewed by hand: what onnxruntime-web's operator lists say in words only, do not say, or say of its older WebGPU provider (`webgpu-operators.md`
 * lists the kernels of JSEP; the builds `webgpu` and `jspi` hold another provider). What was measured can be measured again:
 * `node tools/generate/placements.mjs webgpu`.
 */
const placed = (provider: string): Source => ({
  how: `onnxruntime-web 1.30.0, jspi build, ${provider} in Chromium 147: tools/generate/placements.mjs, which asks where it puts models of one node at opset 21`,
  date: '2026-11-25',
})

const WEBGPU = placed('WebGPU on a software adapter')
const WEBNN_CPU = placed('WebNN on the CPU')
const WORDS: Source = { how: 'onnxruntime-web 1.30.0, docs/webnn-operators.md, the column of comments', date: '2026-11-25' }

const FLOATS = ['float32', 'float16'] as const satisfies readonly ElementType[]
const NUMBERS = [...FLOATS, 'int32', 'uint32'] as const satisfies readonly ElementType[]

const REDUCTIONS = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare'].map((name) => `Reduce${name}`)

const webgpu: readonly OperatorLimit[] = [
  {
    provider: 'webgpu',
    ops: ['Clip'],
    versions: [[11, null]],
    inputTypes: { 0: NUMBERS },
    source: {
      how: 'onnxruntime-web 1.30.0, jspi build: 18 Clip of a model of opset 9 had no kernel, those of opset 21 had; its list says 6 and later',
      date: '2026-11-25',
    },
  },
  {
    provider: 'webgpu',
    ops: ['GRU', 'GroupNormalization', 'LSTM', 'PRelu', 'Softplus', 'TopK'],
    versions: [[21, null]],
    inputTypes: { 0: FLOATS },
    source: WEBGPU,
  },
  {
    provider: 'webgpu',
    ops: ['Identity', 'Max', 'Min', 'ScatterElements', 'Trilu'],
    versions: [[21, null]],
    inputTypes: { 0: NUMBERS },
    source: WEBGPU,
  },
  { provider: 'webgpu', ops: ['And'], versions: [[21, null]], inputTypes: { 0: ['bool'] }, source: WEBGPU },
  { provider: 'webgpu', ops: ['Loop', 'Scan'], versions: [[21, null]], source: WEBGPU },
  { provider: 'webgpu', ops: ['com.microsoft.BiasGelu'], versions: [[1, null]], inputTypes: { 0: FLOATS }, source: WEBGPU },
  {
    provider: 'webgpu',
    ops: [
      ...[
        'Abs',
        'Elu',
        'Erf',
        'Exp',
        'Floor',
        'Gelu',
        'HardSigmoid',
        'HardSwish',
        'LeakyRelu',
        'Neg',
        'Reciprocal',
        'Relu',
        'Sigmoid',
        'Sqrt',
      ],
      ...[
        'Softmax',
        'Tanh',
        'BatchNormalization',
        'InstanceNormalization',
        'LayerNormalization',
        'AveragePool',
        'GlobalAveragePool',
        'MaxPool',
      ],
      ...['Conv', 'ConvTranspose', 'DepthToSpace', 'Einsum', 'GatherElements', 'MatMul', 'Slice', 'com.microsoft.MatMulNBits'],
    ],
    inputTypes: { 0: FLOATS },
    source: WEBGPU,
  },
  {
    provider: 'webgpu',
    ops: [
      ...['Add', 'Sub', 'Mul', 'Div', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'ArgMax', 'ArgMin', 'Concat', 'CumSum'],
      ...['GatherND', 'Gemm', 'Pad', 'Resize', 'ScatterND', 'Shape', 'Split', 'Squeeze', 'Tile', 'Transpose'],
      ...REDUCTIONS.filter((op) => !['ReduceL1', 'ReduceLogSum'].includes(op)),
    ],
    inputTypes: { 0: NUMBERS },
    source: WEBGPU,
  },
  { provider: 'webgpu', ops: ['Flatten', 'Unsqueeze'], inputTypes: { 0: [...NUMBERS, 'bool'] }, source: WEBGPU },
  { provider: 'webgpu', ops: ['Where'], inputTypes: { 1: [...NUMBERS, 'bool'] }, source: WEBGPU },
  { provider: 'webgpu', ops: ['Expand', 'Gather', 'Reshape'], inputTypes: { 0: [...NUMBERS, 'uint8', 'bool'] }, source: WEBGPU },
  { provider: 'webgpu', ops: ['Pow'], inputTypes: { 0: [...FLOATS, 'int32'], 1: NUMBERS }, source: WEBGPU },
  { provider: 'webgpu', ops: ['Range'], inputTypes: { 0: ['float32', 'int32'] }, source: WEBGPU },
  { provider: 'webgpu', ops: ['Not'], inputTypes: { 0: ['bool'] }, source: WEBGPU },
  {
    provider: 'webgpu',
    ops: ['Cast'],
    inputTypes: { 0: [...NUMBERS, 'uint8', 'bool'] },
    outputTypes: [...NUMBERS, 'int64', 'uint8', 'bool'],
    source: WEBGPU,
  },
  {
    provider: 'webgpu',
    ops: ['DequantizeLinear'],
    inputTypes: { 0: ['int8', 'uint8', 'int32', 'int4', 'uint4'], 1: FLOATS },
    source: WEBGPU,
  },
  {
    provider: 'webgpu',
    ops: ['com.microsoft.GatherBlockQuantized'],
    inputTypes: { 0: ['uint8', 'int4', 'uint4'] },
    attributes: { bits: [4, 8] },
    source: WEBGPU,
  },
  {
    provider: 'webgpu',
    ops: ['com.microsoft.MatMulNBits'],
    attributes: { bits: [2, 4, 8] },
    source: WEBGPU,
  },
  {
    provider: 'webgpu',
    ops: ['com.microsoft.MatMulNBits'],
    absent: [4],
    fatal: true,
    source: { how: "onnxruntime-web 1.30.0, jspi build: with the input 'g_idx' a model of one node errs when it runs", date: '2026-11-25' },
  },
]

const wasm: readonly OperatorLimit[] = [
  {
    provider: 'wasm',
    ops: ['com.microsoft.MatMulNBits'],
    attributes: { block_size: [16, 32, 64, 128, 256] },
    fatal: true,
    source: {
      how: 'onnxruntime-web 1.30.0: blocks of 8, 24 and 512 are refused when the session is made (matmul_nbits.cc), 16 and 32 run',
      date: '2026-11-25',
    },
  },
]

const webnn: readonly OperatorLimit[] = [
  {
    provider: 'webnn',
    ops: ['Expand', 'Reshape', 'Squeeze', 'Split', 'Tile', 'CumSum', 'Trilu', ...REDUCTIONS],
    constants: [1],
    source: WORDS,
  },
  { provider: 'webnn', ops: ['Slice'], constants: [1, 2, 3, 4], source: WORDS },
  { provider: 'webnn', ops: ['Pad'], attributes: { mode: ['constant', 'reflect', 'edge'] }, source: WORDS },
  {
    provider: 'webnn',
    ops: ['Resize'],
    ranks: [4],
    constants: [2, 3],
    attributes: { antialias: [0], exclude_outside: [0], keep_aspect_ratio_policy: ['stretch'], mode: ['nearest', 'linear'] },
    source: WORDS,
  },
  {
    provider: 'webnn',
    ops: ['AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool', 'LpPool', 'MaxPool'],
    ranks: [4],
    attributes: { storage_order: [0], p: [2] },
    outputs: 1,
    source: WORDS,
  },
  { provider: 'webnn', ops: ['Conv', 'ConvInteger', 'ConvTranspose'], ranks: [3, 4], source: WORDS },
  { provider: 'webnn', ops: ['BatchNormalization'], attributes: { training_mode: [0] }, outputs: 1, source: WORDS },
  { provider: 'webnn', ops: ['GatherND'], attributes: { batch_dims: [0] }, source: WORDS },
  { provider: 'webnn', ops: ['ScatterElements', 'ScatterND'], attributes: { reduction: ['none'] }, source: WORDS },
  { provider: 'webnn', ops: ['GRU', 'LSTM'], constants: [4], attributes: { layout: [0], input_forget: [0], clip: [] }, source: WORDS },
  {
    provider: 'webnn',
    ops: ['com.microsoft.MatMulNBits'],
    constants: [1, 3],
    absent: [4],
    attributes: { bits: [4, 8] },
    source: WORDS,
  },
  { provider: 'webnn', ops: ['Clip', 'Pad'], constants: [1, 2], source: WEBNN_CPU },
  { provider: 'webnn', ops: ['Unsqueeze'], constants: [1], source: WEBNN_CPU },
  { provider: 'webnn', ops: ['LayerNormalization'], outputs: 1, source: WEBNN_CPU },
  {
    provider: 'webnn',
    deviceType: 'cpu',
    ops: ['DequantizeLinear'],
    given: [2],
    fatal: true,
    source: {
      how: 'onnxruntime-web 1.30.0, jspi build, Chromium 147: without a zero point the runtime stops (RuntimeError: unreachable), with one it runs; int8, uint8 and int32',
      date: '2026-11-25',
    },
  },
  {
    provider: 'webnn',
    deviceType: 'cpu',
    ops: ['Add', 'Sub', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'],
    inputTypes: { 0: [...FLOATS, 'int32', 'int64'] },
    source: WEBNN_CPU,
  },
  { provider: 'webnn', deviceType: 'cpu', ops: ['Abs', 'Div', 'Pow', 'Sign'], inputTypes: { 0: [...FLOATS, 'int32'] }, source: WEBNN_CPU },
  {
    provider: 'webnn',
    deviceType: 'cpu',
    ops: ['Identity', 'Transpose', 'Gather', 'GatherElements', 'GatherND', 'Split'],
    inputTypes: { 0: [...FLOATS, 'int32', 'int64', 'int8', 'uint8', 'bool'] },
    source: WEBNN_CPU,
  },
  {
    provider: 'webnn',
    deviceType: 'cpu',
    ops: ['Tile', 'Pad'],
    inputTypes: { 0: [...FLOATS, 'int32', 'int64', 'uint8', 'bool'] },
    source: WEBNN_CPU,
  },
  {
    provider: 'webnn',
    deviceType: 'cpu',
    ops: ['Max', 'Min'],
    inputTypes: { 0: [...FLOATS, 'int32', 'int64', 'uint8', 'int8'] },
    source: WEBNN_CPU,
  },
  {
    provider: 'webnn',
    deviceType: 'cpu',
    ops: ['Neg', 'ReduceMax', 'ReduceMin'],
    inputTypes: { 0: [...FLOATS, 'int32', 'int64'] },
    source: WEBNN_CPU,
  },
  {
    provider: 'webnn',
    deviceType: 'cpu',
    ops: ['ArgMax', 'ArgMin'],
    inputTypes: { 0: [...FLOATS, 'int32', 'uint8', 'int8'] },
    source: WEBNN_CPU,
  },
  { provider: 'webnn', deviceType: 'cpu', ops: ['ScatterND'], inputTypes: { 0: [...FLOATS, 'int32', 'int64', 'int8'] }, source: WEBNN_CPU },
  { provider: 'webnn', deviceType: 'cpu', ops: ['Where'], inputTypes: { 1: [...NUMBERS, 'int64', 'int8'] }, source: WEBNN_CPU },
  { provider: 'webnn', deviceType: 'cpu', ops: ['Mul'], inputTypes: { 0: [...NUMBERS, 'int64'] }, source: WEBNN_CPU },
  { provider: 'webnn', deviceType: 'cpu', ops: ['Relu'], inputTypes: { 0: [...FLOATS, 'int32', 'int64', 'int8'] }, source: WEBNN_CPU },
  {
    provider: 'webnn',
    deviceType: 'cpu',
    ops: ['Clip', 'MatMul', 'MaxPool', 'ReduceL2', 'ReduceLogSumExp', 'ReduceMean', 'Resize', 'Einsum'],
    inputTypes: { 0: FLOATS },
    source: WEBNN_CPU,
  },
  { provider: 'webnn', deviceType: 'cpu', ops: ['com.microsoft.MatMulNBits'], attributes: { bits: [8] }, source: WEBNN_CPU },
]

export const OPERATOR_LIMITS: readonly OperatorLimit[] = [...wasm, ...webgpu, ...webnn]

const KEPT: Source = {
  how: 'onnxruntime-web 1.30.0, jspi build: no copy was put in front of such an input when a node of the CPU gave it (tools/generate/placements.mjs)',
  date: '2026-11-25',
}

export const HOST_VALUES: readonly HostValues[] = [
  {
    provider: 'webgpu',
    ops: ['Reshape', 'Expand', 'Unsqueeze', 'Squeeze', 'Tile', 'Split', 'CumSum', 'TopK', 'Trilu', ...REDUCTIONS],
    inputs: [1],
    source: KEPT,
  },
  { provider: 'webgpu', ops: ['Clip'], inputs: [1, 2], source: KEPT },
  { provider: 'webgpu', ops: ['Range'], inputs: [0, 1, 2], source: KEPT },
  { provider: 'webgpu', ops: ['Pad', 'Resize'], inputs: [1, 2, 3], source: KEPT },
  { provider: 'webgpu', ops: ['Slice'], inputs: [1, 2, 3, 4], source: KEPT },
  {
    provider: 'webgpu',
    ops: ['If'],
    inputs: [0],
    source: {
      how: "onnxruntime's onnxruntime/core/providers/webgpu/controlflow/if.cc at 2d623e89: 'cond' needs to be on CPU",
      date: '2026-11-25',
    },
  },
  { provider: 'webgpu', ops: ['Shape'], outputs: [0], source: KEPT },
]

#!/usr/bin/env node
/**
 * Asks the installed onnxruntime-web where it puts models of one node at opset 21, by op and element type: what the overlay of
 * packages/targets/src/operators says beyond the lists. Prints one line an op and writes nothing: `node tools/generate/placements.mjs webgpu`
 * (or `webnn-cpu`) after a build. On webgpu it then gives each op its small inputs from a node of the CPU, and says which were copied.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { launchBrowser, serveFolder } from '@whittle/browser'
import { Model, Tensor } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'

const TYPES = ['float32', 'float16', 'int32', 'uint32', 'int64', 'uint8', 'int8', 'bool']
const NUMBERS = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10, uint32: 12 }

/** Inputs are [type, dims], constants or nothing; outputs are [type, dims]. */
function modelOf({ op, domain = '', inputs, attributes = {}, outputs }) {
  const model = new Model(op)
  const { graph } = model
  if (domain) model.opsets.set(domain, 1)
  const values = inputs.map((input, index) => {
    if (!input) return undefined
    return input instanceof Tensor ? graph.addInitializer(`c${index}`, input) : graph.addInput(`x${index}`, ...input)
  })
  const node = graph.addNode({ op, domain, inputs: values, attributes, outputs: outputs.map((_, index) => `y${index}`) })
  node.outputs.forEach((output, index) => {
    ;[output.elementType, output.shape] = outputs[index]
    graph.addOutput(output)
  })
  return writeOnnx(model)
}

const int64 = (...values) => Tensor.int64([values.length], values)
const zeros = (type, dims) => Tensor.of(type, dims, new Uint8Array(dims.reduce((a, b) => a * b, 1)))

const UNARY = [
  ...[
    'Abs',
    'Neg',
    'Relu',
    'Sigmoid',
    'Floor',
    'Ceil',
    'Sqrt',
    'Exp',
    'Log',
    'Softmax',
    'LogSoftmax',
    'Identity',
    'Erf',
    'Not',
    'Sign',
    'Round',
  ],
  ...[
    'Softplus',
    'Softsign',
    'Sum',
    'Mean',
    'Clip',
    'HardSwish',
    'HardSigmoid',
    'LeakyRelu',
    'Gelu',
    'Tanh',
    'Reciprocal',
    'Elu',
    'Selu',
    'Trilu',
  ],
]
const BINARY = ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Pow', 'Mod', 'PRelu', 'And', 'Or']
const COMPARING = ['Equal', 'Greater', 'Less', 'GreaterOrEqual', 'LessOrEqual']
const REDUCING = ['Sum', 'Mean', 'Max', 'Min', 'Prod', 'L2', 'LogSumExp', 'SumSquare'].map((name) => `Reduce${name}`)
const POOLING = { MaxPool: { kernel_shape: [1, 1] }, AveragePool: { kernel_shape: [1, 1] }, GlobalAveragePool: {} }

/** Each op with each type of its first input (the second of Where), by a name of the form `op type`. */
function* typedModels() {
  for (const type of TYPES) {
    const x = [type, [2, 4]]
    const image = [type, [1, 2, 4, 4]]
    const channels = [type, [2]]
    const one = (op, inputs, output = x, attributes = {}, ...more) => [
      `${op} ${type}`,
      modelOf({ op, inputs, attributes, outputs: [output, ...more] }),
    ]
    for (const op of UNARY) yield one(op, [x])
    for (const op of BINARY) yield one(op, [x, x])
    for (const op of COMPARING) yield one(op, [x, x], ['bool', [2, 4]])
    for (const op of REDUCING) yield one(op, [x, int64(1)], [type, [2, 1]])
    for (const [op, attributes] of Object.entries(POOLING)) yield one(op, [image], [type, [1, 2, 'h', 'w']], attributes)
    for (const op of ['ArgMax', 'ArgMin']) yield one(op, [x], ['int64', [2, 1]], { axis: 1 })
    yield one('Transpose', [x], [type, [4, 2]])
    yield one('Reshape', [x, int64(8)], [type, [8]])
    yield one('Flatten', [image], [type, [1, 32]])
    yield one('Squeeze', [image, int64(0)], [type, [2, 4, 4]])
    yield one('Unsqueeze', [x, int64(0)], [type, [1, 2, 4]])
    yield one('Expand', [x, int64(3, 2, 4)], [type, [3, 2, 4]])
    yield one('Tile', [x, int64(2, 1)], [type, [4, 4]])
    yield one('Concat', [x, x], [type, [4, 4]], { axis: 0 })
    yield one('Gather', [x, ['int64', [3]]], [type, [3, 4]])
    yield one('GatherElements', [x, ['int64', [2, 4]]])
    yield one('GatherND', [x, ['int64', [3, 1]]], [type, [3, 4]])
    yield one('ScatterND', [x, ['int64', [1, 1]], [type, [1, 4]]])
    yield one('ScatterElements', [x, ['int64', [2, 4]], x])
    yield one('Slice', [x, int64(0), int64(1)], [type, [1, 4]])
    yield one('Split', [x, int64(1, 1)], [type, [1, 4]], {}, [type, [1, 4]])
    yield one('Pad', [x, int64(0, 0, 1, 1)], [type, [3, 5]])
    yield one('Where', [['bool', [2, 4]], x, x])
    yield one('Shape', [x], ['int64', [2]])
    yield one('CumSum', [x, Tensor.of('int32', [], [0])])
    yield one('TopK', [x, int64(1)], [type, [2, 1]], {}, ['int64', [2, 1]])
    yield one(
      'Range',
      [
        [type, []],
        [type, []],
        [type, []],
      ],
      [type, ['n']],
    )
    yield one('Resize', [image, undefined, Tensor.float32([4], [1, 1, 2, 2])], [type, [1, 2, 8, 8]])
    yield one('MatMul', [x, [type, [4, 2]]], [type, [2, 2]])
    yield one('Gemm', [x, [type, [4, 2]]], [type, [2, 2]])
    yield one('Einsum', [x, [type, [4, 2]]], [type, [2, 2]], { equation: 'ij,jk->ik' })
    for (const op of ['Conv', 'ConvTranspose']) yield one(op, [image, [type, [2, 2, 1, 1]]], image)
    yield one('InstanceNormalization', [image, channels, channels], image)
    yield one('GroupNormalization', [image, channels, channels], image, { num_groups: 1 })
    yield one('BatchNormalization', [image, channels, channels, channels, channels], image)
    yield one('LayerNormalization', [x, [type, [4]]])
    yield one('DepthToSpace', [[type, [1, 4, 2, 2]]], [type, [1, 1, 4, 4]], { blocksize: 2 })
    yield one('QuantizeLinear', [
      ['float32', [2, 4]],
      ['float32', []],
      [type, []],
    ])
    yield one('DequantizeLinear', [x, ['float32', []]], ['float32', [2, 4]])
    yield [
      `DequantizeLinear ${type}+zero`,
      modelOf({ op: 'DequantizeLinear', inputs: [x, ['float32', []], [type, []]], outputs: [['float32', [2, 4]]] }),
    ]
    for (const to of TYPES)
      if (to !== type)
        yield [`Cast ${type}-${to}`, modelOf({ op: 'Cast', inputs: [x], attributes: { to: NUMBERS[to] }, outputs: [[to, [2, 4]]] })]
  }
  const domain = 'com.microsoft'
  for (const type of ['float32', 'float16']) {
    for (const bits of [2, 4, 8]) {
      const scales = Tensor.of(type, [8], Array(8).fill(1))
      const inputs = [[type, [2, 32]], zeros('uint8', [8, 1, 4 * bits]), scales]
      const attributes = { K: 32, N: 8, bits, block_size: 32 }
      yield [`MatMulNBits ${type}-${bits}`, modelOf({ op: 'MatMulNBits', domain, inputs, attributes, outputs: [[type, [2, 8]]] })]
    }
    const x = [type, [2, 4]]
    for (const op of ['Gelu', 'FastGelu', 'QuickGelu'])
      yield [`com.microsoft.${op} ${type}`, modelOf({ op, domain, inputs: [x], outputs: [x] })]
    yield [`com.microsoft.BiasGelu ${type}`, modelOf({ op: 'BiasGelu', domain, inputs: [x, [type, [4]]], outputs: [x] })]
  }
}

/** A node with one input from the CPU: Mod has no kernel on WebGPU. */
function* hostModels() {
  const x = ['float32', ['a', 'b', 'c', 'd']]
  const cases = {
    Reshape: [x, 'int64'],
    Expand: [x, 'int64'],
    Unsqueeze: [x, 'int64'],
    Squeeze: [x, 'int64'],
    Tile: [x, 'int64'],
    Split: [x, 'int64'],
    CumSum: [x, 'int64'],
    TopK: [x, 'int64'],
    Trilu: [x, 'int64'],
    Gather: [x, 'int64'],
    ReduceMean: [x, 'int64'],
    Clip: [x, 'float32', 'float32'],
    Pad: [x, 'int64', 'float32', 'int64'],
    Slice: [x, 'int64', 'int64', 'int64', 'int64'],
    Range: ['float32', 'float32', 'float32'],
    Resize: [x, undefined, 'float32'],
  }
  for (const [op, inputs] of Object.entries(cases)) {
    const model = new Model(op)
    const { graph } = model
    const values = inputs.map((input, index) => {
      if (typeof input !== 'string') return input && graph.addInput(`x${index}`, ...input)
      const dims = ['CumSum', 'Trilu', 'Clip', 'Range'].includes(op) || (op === 'Pad' && input === 'float32') ? [] : [1]
      const seven = graph.addInitializer('seven', Tensor.of(input, [], [input === 'int64' ? 7n : 7]))
      const node = graph.addNode({ op: 'Mod', inputs: [graph.addInput(`s${index}`, input, dims), seven], attributes: { fmod: 1 } })
      node.output.elementType = input
      node.output.shape = dims
      return node.output
    })
    const node = graph.addNode({ op, inputs: values, outputs: op === 'TopK' ? ['y', 'indices'] : ['y'] })
    node.output.elementType = 'float32'
    if (node.outputs[1]) node.outputs[1].elementType = 'int64'
    graph.addOutput(node.output)
    yield [op, writeOnnx(model)]
  }
}

/** Runs in the page: what the runtime logs while it makes a session of each model. */
async function logs({ provider, names }) {
  let lines = []
  for (const method of ['log', 'info', 'warn', 'error', 'debug']) console[method] = (...parts) => lines.push(parts.join(' '))
  const ort = await import('/ort.jspi.min.mjs')
  ort.env.wasm.numThreads = 1
  ort.env.logLevel = 'verbose'
  const results = []
  for (const name of names) {
    lines = []
    let error = ''
    try {
      const options = { executionProviders: [provider], logSeverityLevel: 0, logVerbosityLevel: 1, graphOptimizationLevel: 'disabled' }
      await (await ort.InferenceSession.create(`/${name}`, options)).release()
    } catch (thrown) {
      error = String(thrown)
    }
    const kept = lines.filter((line) => /kernel not found|placed on|Add Memcpy/.test(line))
    results.push({ error, log: kept.join('\n') })
  }
  return results
}

const kind = process.argv[2] ?? 'webgpu'
const folder = mkdtempSync(path.join(tmpdir(), 'placements-'))
const dist = fileURLToPath(new URL('../../node_modules/onnxruntime-web/dist', import.meta.url))
for (const file of ['ort.jspi.min.mjs', 'ort-wasm-simd-threaded.jspi.mjs', 'ort-wasm-simd-threaded.jspi.wasm'])
  cpSync(path.join(dist, file), path.join(folder, file))
writeFileSync(path.join(folder, 'index.html'), '<!doctype html><title>placements</title>')
mkdirSync(path.join(folder, 'models'))
const server = await serveFolder(folder)
const browser = await launchBrowser({ webgpu: kind === 'webgpu', webnn: kind !== 'webgpu' })

async function ask(models) {
  const names = models.map(([, bytes], index) => {
    writeFileSync(path.join(folder, 'models', `${index}.onnx`), bytes)
    return `models/${index}.onnx`
  })
  const provider = kind === 'webgpu' ? { name: 'webgpu' } : { name: 'webnn', deviceType: kind.split('-')[1] }
  const results = []
  // A runtime that stopped takes what comes after it along: a page for every hundred.
  for (let start = 0; start < names.length; start += 100) {
    const page = await browser.newPage()
    await page.goto(`${server.url}index.html`)
    results.push(...(await page.evaluate(logs, { provider, names: names.slice(start, start + 100) })))
    await page.close()
  }
  return results
}

try {
  const typed = [...typedModels()]
  const byOp = new Map()
  for (const [index, { error, log }] of (await ask(typed)).entries()) {
    const [op, type] = typed[index][0].split(' ')
    const place = /placed on \[Web/.test(log)
      ? 'provider'
      : /placed on \[CPU|kernel not found/.test(log)
        ? 'cpu'
        : error
          ? 'refused'
          : 'unknown'
    const row = byOp.get(op) ?? {}
    row[place] = [...(row[place] ?? []), type]
    byOp.set(op, row)
  }
  for (const [op, row] of [...byOp].sort()) process.stdout.write(`${op}: ${JSON.stringify(row)}\n`)
  const host = kind === 'webgpu' ? [...hostModels()] : []
  for (const [index, { error, log }] of (await ask(host)).entries())
    process.stdout.write(
      `${host[index][0]} with inputs from the CPU: ${error || `${log.match(/Add MemcpyFromHost/g)?.length ?? 0} copied`}\n`,
    )
} finally {
  await browser.close()
  await server.close()
  rmSync(folder, { recursive: true })
}

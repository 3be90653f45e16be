import { readFileSync, readdirSync } from 'node:fs'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ElementType, Model, type Random, Tensor, createRandom, opTable } from '@whittle/ir'
import { readOnnx, writeOnnx, writeOnnxFile } from '@whittle/ir/onnx'
import { fixture, models, randomModel } from '@whittle/testing'
import { encode, messageField, parse, textField, varintField } from './wire.ts'

export interface Seeds {
  /** The files that are mutated, and how often each is drawn, as a cumulative share. */
  readonly files: readonly { readonly bytes: Uint8Array; readonly upTo: number }[]
  /** The external data of all of them. */
  readonly weights: Uint8Array
}

const REAL_SHARE = 0.01

/** @param folder more models: every `.onnx` below it of at most 64 kB. */
export function makeSeeds(folder?: string): Seeds {
  const small = Object.values(models).map((make) => writeOnnx(make()))
  for (let index = 0; index < 12; index++) small.push(writeOnnx(randomModel(`fuzz ${index}`)))
  for (let index = 0; index < 150; index++) small.push(opModel(createRandom(`op ${index}`)))
  small.push(...small.slice(0, 3).map(withRarities))
  if (folder)
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }).sort((a, b) =>
      a.parentPath + a.name < b.parentPath + b.name ? -1 : 1,
    ))
      if (entry.isFile() && entry.name.endsWith('.onnx')) {
        const bytes = new Uint8Array(readFileSync(join(entry.parentPath, entry.name)))
        if (bytes.length <= 65536) small.push(bytes)
      }
  const { slim, weights } = slimModels(['direction', 'voice'])
  const smallShare = 1 - REAL_SHARE
  return {
    files: [
      ...small.map((bytes, index) => ({ bytes, upTo: (smallShare * (index + 1)) / small.length })),
      ...slim.map((bytes, index) => ({ bytes, upTo: smallShare + (REAL_SHARE * (index + 1)) / slim.length })),
    ],
    weights,
  }
}

/** Real models with their weights in one file beside them: the structure is what is mutated. */
function slimModels(names: readonly ('direction' | 'voice')[]): { slim: Uint8Array[]; weights: Uint8Array } {
  const folder = mkdtempSync(join(tmpdir(), 'whittle-seeds-'))
  try {
    const path = join(folder, 'net.onnx')
    const slim: Uint8Array[] = []
    let weights: Uint8Array = new Uint8Array(4096)
    for (const name of names) {
      const model = readOnnx(readFileSync(fixture(name)), { upgrade: slim.length > 0 })
      writeOnnxFile(path, model, { externalData: { location: 'weights.bin', threshold: 64 } })
      slim.push(new Uint8Array(readFileSync(path)))
      const data = new Uint8Array(readFileSync(join(folder, 'weights.bin')))
      if (data.length > weights.length) weights = data
    }
    return { slim, weights }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const TYPES: readonly ElementType[] = ['float32', 'float32', 'float32', 'int64', 'int64', 'int32', 'bool', 'uint8', 'int8', 'float16']

const ATTRIBUTES: Readonly<Record<string, (random: Random) => number | number[] | string>> = {
  axis: (random) => random.integer(6) - 3,
  axes: (random) => ints(random),
  keepdims: (random) => random.integer(2),
  perm: (random) => ints(random),
  kernel_shape: (random) => ints(random),
  strides: (random) => ints(random),
  dilations: (random) => ints(random),
  pads: (random) => ints(random),
  group: (random) => random.integer(4),
  hidden_size: (random) => random.integer(5),
  equation: (random) => ['ij,jk->ik', 'i->', '...i,...i', 'ab', 'ii', '->', 'ij,jk->iq', 'i.j'][random.integer(8)]!,
  to: (random) => random.integer(25),
  blocksize: (random) => random.integer(4),
  num_outputs: (random) => random.integer(4),
  block_size: (random) => random.integer(40),
  K: (random) => random.integer(40),
  N: (random) => random.integer(40),
  mode: (random) => ['linear', 'bilinear', 'constant', 'DCR', ''][random.integer(5)]!,
  auto_pad: (random) => ['SAME_UPPER', 'SAME_LOWER', 'VALID', 'NOTSET', ''][random.integer(5)]!,
  direction: (random) => ['forward', 'bidirectional', 'x'][random.integer(3)]!,
}

const ints = (random: Random): number[] => Array.from({ length: random.integer(5) }, () => random.integer(5) - 1)

/** A few nodes of random ops with random inputs and attributes: most contradict themselves somewhere. */
function opModel(random: Random): Uint8Array {
  const model = new Model('main', random.next() < 0.8 ? 21 : 7 + random.integer(17))
  const dims = (): number[] => Array.from({ length: random.integer(5) }, () => 1 + random.integer(4))
  const values = Array.from({ length: 3 }, (_, index) => {
    const type = TYPES[random.integer(TYPES.length)]!
    return model.graph.addInput(`x${index}`, type, dims().map((dim) => (random.next() < 0.2 ? 'N' : dim))) // prettier-ignore
  })
  for (let count = 1 + random.integer(3); count > 0; count--) {
    const row = opTable[random.integer(opTable.length)]!
    const [op, ...domain] = row.type.split('.').reverse()
    const inputs = Array.from({ length: random.integer(6) }, () => {
      if (random.next() < 0.1) return undefined
      if (random.next() < 0.5) return values[random.integer(values.length)]
      const shape = dims()
      const size = shape.reduce((a, b) => a * b, 1)
      const numbers = Array.from({ length: size }, () => random.integer(8) - 2)
      return model.graph.addInitializer('w', random.next() < 0.5 ? Tensor.int64(shape, numbers) : Tensor.float32(shape, numbers))
    })
    const attributes = Object.fromEntries(
      Object.entries(ATTRIBUTES)
        .filter(() => random.next() < 0.3)
        .map(([name, make]) => [name, make(random)]),
    )
    const outputs = Array.from({ length: 1 + random.integer(3) }, (_, index) => `${op}_${index}`)
    const node = model.graph.addNode({ op: op!, domain: domain.reverse().join('.'), inputs, outputs, attributes })
    for (const output of node.outputs) if (output) values.push(output)
  }
  if (model.graph.nodes.some((node) => node.domain !== '')) model.opsets.set('com.microsoft', 1)
  model.graph.addOutput(values.at(-1)!)
  return writeOnnx(model)
}

/** What the writer never gives: sparse initializers, functions, metadata, types of sequences and optionals, numbers in typed fields. */
function withRarities(bytes: Uint8Array): Uint8Array {
  const root = parse(bytes)
  const graph = root.fields.find(({ no }) => no === 7)!.value as { fields: unknown[] }
  const numbers = (name: string, type: number, no: number): ReturnType<typeof messageField> =>
    messageField(1, 'Tensor', [varintField(1, 2), varintField(2, type), textField(8, name), { no, wire: 2, value: Uint8Array.of(1, 3) }])
  const sparse = [numbers('sparse', 6, 5), { ...numbers('', 7, 7), no: 2 }, varintField(3, 8)]
  const type = messageField(2, 'Type', [
    messageField(4, 'Type', [messageField(1, 'Type', [messageField(1, 'TensorType', [varintField(1, 1)])])]),
  ])
  graph.fields.push(
    messageField(15, 'Sparse', sparse),
    { ...numbers('typed', 6, 5), no: 5 },
    { ...numbers('typed64', 7, 7), no: 5 },
    messageField(11, 'Value', [textField(1, 'list'), type]),
    messageField(1, 'Node', [textField(1, 'list'), textField(2, 'length'), textField(4, 'SequenceLength')]),
    messageField(1, 'Node', [textField(1, 'typed'), textField(2, 'called'), textField(4, 'F'), textField(7, 'own')]),
  )
  const call = messageField(7, 'Node', [textField(1, 'a'), textField(2, 'b'), textField(4, 'Neg')])
  const opset = messageField(9, 'Opset', [varintField(2, 21)])
  root.fields.push(
    messageField(8, 'Opset', [textField(1, 'own'), varintField(2, 1)]),
    messageField(14, 'Entry', [textField(1, 'key'), textField(2, 'value')]),
    messageField(25, 'Function', [textField(1, 'F'), textField(10, 'own'), textField(4, 'a'), textField(5, 'b'), opset, call]),
  )
  return encode(root)
}

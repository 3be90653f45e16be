import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ModelError, UnsupportedError, createRandom } from '@whittle/ir'
import { afterAll, describe, expect, it } from 'vitest'
import { isTfjs, readTfjs, readTfjsFile, tfjsShards } from '../src/index.ts'
import { artifactsOf, attr, noise } from './read-graph-oracle.ts'
import { saved, tf } from './read-oracle.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'tfjs-'))
afterAll(() => rmSync(folder, { recursive: true }))

function dense(): ReturnType<typeof tf.sequential> {
  const model = tf.sequential()
  model.add(tf.layers['conv2d']!({ filters: 2, kernelSize: 3, inputShape: [5, 5, 3], name: 'conv' }))
  model.add(tf.layers['flatten']!({ name: 'flat' }))
  model.add(tf.layers['dense']!({ units: 3, name: 'dense', activation: 'softmax' }))
  return model
}

const layersModel = await saved(dense())
const graphModel = artifactsOf({
  inputs: { x: ['N', 6, 6, 3] },
  constants: { w: noise([3, 3, 3, 4]), b: noise([4]) },
  nodes: [
    { name: 'c', op: 'Conv2D', input: ['x', 'w'], attr: { padding: attr.s('SAME'), strides: attr.ints(1, 1, 1, 1) } },
    { name: 'd', op: 'BiasAdd', input: ['c', 'b'] },
    { name: 'y', op: 'Relu', input: ['d'] },
  ],
  outputs: ['y'],
})

type Json = Record<string, any>

/** Reads a copy of a model that was edited. */
function edited(edit: (json: Json) => void, from = layersModel, weights = from.weights): unknown {
  const json = structuredClone(from.json) as Json
  edit(json)
  return readTfjs(JSON.stringify(json), () => weights, { name: 'net/model.json' })
}

const specOf = (json: Json): Json => json['weightsManifest'][0].weights[0] as Json
const layerOf = (json: Json, index: number): Json => json['modelTopology'].config.layers[index] as Json
const nodeOf = (json: Json, name: string): Json => (json['modelTopology'].node as Json[]).find((node) => node['name'] === name)!

describe('a file that is no model', () => {
  it.each([
    ['text', 'hello', 'TFJS_JSON'],
    ['half a file', JSON.stringify(layersModel.json).slice(0, 500), 'TFJS_JSON'],
    ['a list', '[]', 'TFJS_JSON'],
    ['other JSON', '{"name":"x"}', 'TFJS_TOPOLOGY'],
    ['weights alone', '{"weightsManifest":[]}', 'TFJS_TOPOLOGY'],
    ['another format', '{"format":"tfjs-next","modelTopology":{}}', 'TFJS_FORMAT'],
    ['a topology that is a text', '{"modelTopology":"x","weightsManifest":[]}', 'TFJS_JSON'],
    ['no layers', '{"modelTopology":{"class_name":"Sequential","config":{"layers":[]}},"weightsManifest":[]}', 'TFJS_EMPTY'],
    ['no nodes', '{"format":"graph-model","modelTopology":{"node":[]},"weightsManifest":[]}', 'TFJS_OUTPUTS'],
  ])('%s', (_, json, code) => {
    expect(() => readTfjs(json, () => new Uint8Array(0))).toThrow(expect.objectContaining({ code }))
  })

  it('is told from one by a look', () => {
    expect(isTfjs(JSON.stringify(layersModel.json))).toBe(true)
    expect(isTfjs('{"name":"x"}')).toBe(false)
    expect(isTfjs('hello')).toBe(false)
  })
})

describe('weights', () => {
  it('that are cut short, or longer than the manifest says, are named', () => {
    const { weights } = layersModel
    expect(() => edited(() => undefined, layersModel, weights.subarray(0, -1))).toThrow(
      expect.objectContaining({ code: 'TFJS_SHARD_SHORT' }),
    )
    const long = new Uint8Array(weights.length + 4)
    expect(() => edited(() => undefined, layersModel, long)).toThrow(
      /net\/model\.json: shard 'weights\.bin' has \d+ bytes.*another model\.json/,
    )
  })

  it('of a size that no memory has are refused before any is taken', () => {
    const code = 'TFJS_SHARD_SHORT'
    expect(() => edited((json) => (specOf(json)['shape'] = [2 ** 30, 2 ** 30]))).toThrow(expect.objectContaining({ code }))
    expect(() => edited((json) => (specOf(json)['shape'] = [2 ** 52, 2 ** 52, 2 ** 52]))).toThrow(expect.objectContaining({ code }))
  })

  it.each([
    ['../weights.bin'],
    ['/etc/passwd'],
    ['a/../../b.bin'],
    ['..\\b.bin'],
    ['C:\\b.bin'],
    ['https://example.com/weights.bin'],
    ['.'],
  ])('at %s, outside the folder, are refused without being asked for', (name) => {
    const json = structuredClone(layersModel.json) as Json
    json['weightsManifest'][0].paths = [name]
    const never = (): never => {
      throw new Error('asked')
    }
    expect(() => readTfjs(JSON.stringify(json), never)).toThrow(expect.objectContaining({ code: 'TFJS_SHARD_OUTSIDE' }))
    expect(() => tfjsShards(JSON.stringify(json))).toThrow(expect.objectContaining({ code: 'TFJS_SHARD_OUTSIDE' }))
  })

  it.each([
    [
      'of complex numbers',
      (spec: Json) => Object.assign(spec, { dtype: 'complex64', shape: [...spec['shape'].slice(0, -1), 1] }),
      'TFJS_DTYPE',
    ],
    ['of an unknown type', (spec: Json) => (spec['dtype'] = 'float8'), 'TFJS_DTYPE'],
    ['stored in 4 bits', (spec: Json) => (spec['quantization'] = { dtype: 'uint4', scale: 1, min: 0 }), 'TFJS_QUANTIZATION'],
    ['stored in 8 bits without a scale', (spec: Json) => (spec['quantization'] = { dtype: 'uint8', min: 0 }), 'TFJS_JSON'],
    ['of a negative size', (spec: Json) => (spec['shape'] = [-1]), 'TFJS_JSON'],
    ['of another name', (spec: Json) => (spec['name'] = 'other/kernel'), 'TFJS_INVALID'],
  ])('%s are refused', (_, edit, code) => {
    expect(() => edited((json) => edit(specOf(json)))).toThrow(expect.objectContaining({ code }))
  })

  it('that stand twice in the manifest, or of the wrong shape, are refused', () => {
    expect(() => edited((json) => json['weightsManifest'][0].weights.push(specOf(json)))).toThrow(
      expect.objectContaining({ code: 'TFJS_WEIGHT_TWICE' }),
    )
    expect(() => edited((json) => specOf(json)['shape'].reverse())).toThrow(ModelError)
  })
})

describe('files', () => {
  const write = (name: string, json: unknown, weights?: Uint8Array): string => {
    const own = path.join(folder, name)
    mkdirSync(own)
    writeFileSync(path.join(own, 'model.json'), JSON.stringify(json))
    if (weights) writeFileSync(path.join(own, 'weights.bin'), weights)
    return path.join(own, 'model.json')
  }

  it('that are missing are named', () => {
    expect(() => readTfjsFile(path.join(folder, 'nothing.json'))).toThrow(expect.objectContaining({ code: 'MODEL_MISSING' }))
    expect(() => readTfjsFile(write('alone', layersModel.json))).toThrow(/weights are in 'weights\.bin'.*put it beside the model/)
    expect(() => readTfjsFile(folder)).toThrow(expect.objectContaining({ code: 'MODEL_MISSING' }))
  })

  it('that links lead out of the folder are refused', () => {
    const file = write('linked', layersModel.json)
    writeFileSync(path.join(folder, 'outside.bin'), layersModel.weights)
    symlinkSync(path.join(folder, 'outside.bin'), path.join(path.dirname(file), 'weights.bin'))
    expect(() => readTfjsFile(file)).toThrow(expect.objectContaining({ code: 'TFJS_SHARD_OUTSIDE' }))
  })

  it('in several shards are joined in their order', () => {
    const json = structuredClone(layersModel.json) as Json
    json['weightsManifest'][0].paths = ['a.bin', 'b.bin']
    const parts: Record<string, Uint8Array> = { 'a.bin': layersModel.weights.subarray(0, 101), 'b.bin': layersModel.weights.subarray(101) }
    const model = readTfjs(JSON.stringify(json), (name) => parts[name]!)
    const whole = readTfjs(JSON.stringify(layersModel.json), () => layersModel.weights)
    const bytes = (of: typeof model): number[][] => [...of.initializers()].map(({ tensor }) => [...tensor!.bytes()])
    expect(bytes(model)).toEqual(bytes(whole))
    expect(tfjsShards(JSON.stringify(json))).toEqual(['a.bin', 'b.bin'])
  })
})

describe('a layers model', () => {
  it.each([
    [
      'a layer of an unknown class',
      (json: Json) => (layerOf(json, 1)['class_name'] = 'MyLayer'),
      /layer 'flat' is a 'MyLayer'.*customLayers/,
    ],
    ['a Lambda', (json: Json) => (layerOf(json, 1)['class_name'] = 'Lambda'), /layer 'flat' is a 'Lambda'/],
    ['a Masking', (json: Json) => (layerOf(json, 1)['class_name'] = 'Masking'), /layer 'flat' is a 'Masking'/],
    ['an unknown activation', (json: Json) => (layerOf(json, 2)['config'].activation = 'warp'), /'dense': activation 'warp'/],
    ['an unknown padding', (json: Json) => (layerOf(json, 0)['config'].padding = 'causal'), /'padding'.*causal/],
    ['strides of 0', (json: Json) => (layerOf(json, 0)['config'].strides = [0, 1]), /'conv'.*at least 1/],
    ['an input of no shape', (json: Json) => delete layerOf(json, 0)['config'].batch_input_shape, /does not say the shape/],
    ['an input of texts', (json: Json) => (layerOf(json, 0)['config'].dtype = 'string'), /"string"/],
    ['another container', (json: Json) => (json['modelTopology'].class_name = 'Graph'), /'Graph'/],
  ])('with %s is refused by name', (_, edit, message) => {
    expect(() => edited(edit)).toThrow(message)
    expect(() => edited(edit)).toThrow(/^net\/model\.json: /)
  })

  const functional = async (): Promise<{ json: Json; weights: Uint8Array }> => {
    const input = tf.input({ shape: [4], name: 'x' })
    const first = tf.layers['dense']!({ units: 4, name: 'first' }).apply(input)
    return saved(tf.model({ inputs: input, outputs: tf.layers['dense']!({ units: 2, name: 'second' }).apply(first) }))
  }
  it.each([
    ['reads itself', (layers: Json[]) => (layers[1]!['inbound_nodes'] = [[['second', 0, 0, {}]]]), 'TFJS_CYCLE'],
    ['reads what is not there', (layers: Json[]) => (layers[1]!['inbound_nodes'] = [[['third', 0, 0, {}]]]), 'TFJS_LAYER_MISSING'],
    ['reads an output that is not there', (layers: Json[]) => (layers[1]!['inbound_nodes'] = [[['x', 0, 3, {}]]]), 'TFJS_LAYER_MISSING'],
    ['has a layer twice', (layers: Json[]) => layers.push(layers[1]!), 'TFJS_LAYER_TWICE'],
    ['is written by Keras 3', (layers: Json[]) => (layers[1]!['inbound_nodes'] = [{ args: [], kwargs: {} }]), 'TFJS_KERAS3'],
    ['calls a layer with a mask', (layers: Json[]) => (layers[1]!['inbound_nodes'] = [[['x', 0, 0, { mask: ['y', 0, 0] }]]]), 'TFJS_CALL'],
  ])('that %s is refused', async (_, edit, code) => {
    const model = await functional()
    expect(() => edited((json) => edit(json['modelTopology'].config.layers as Json[]), model)).toThrow(expect.objectContaining({ code }))
  })

  it('of models in models without end is refused', () => {
    let layer: Json = { class_name: 'Dense', config: { name: 'd', units: 1, batch_input_shape: [null, 1] } }
    for (let depth = 0; depth < 200; depth++) layer = { class_name: 'Sequential', config: { name: `s${depth}`, layers: [layer] } }
    const json = JSON.stringify({ modelTopology: layer, weightsManifest: [] })
    expect(() => readTfjs(json, () => new Uint8Array(0))).toThrow(ModelError)
  })

  it('with a stateful recurrent layer is refused', async () => {
    const model = tf.sequential()
    model.add(tf.layers['lstm']!({ units: 2, batchInputShape: [1, 3, 2], stateful: true, recurrentInitializer: 'zeros', name: 'memory' }))
    const artifacts = await saved(model)
    expect(() => edited(() => undefined, artifacts)).toThrow(/'memory': a stateful recurrent layer/)
  })
})

describe('a graph model', () => {
  it.each([
    ['an unknown op', (json: Json) => (nodeOf(json, 'y')['op'] = 'MyOp'), /node 'y' is a 'MyOp'/],
    ['an op without a form in ONNX', (json: Json) => (nodeOf(json, 'y')['op'] = 'FFT'), /node 'y' is a 'FFT'/],
    ['a list of tensors', (json: Json) => (nodeOf(json, 'y')['op'] = 'TensorListConcatV2'), /'TensorListConcatV2'/],
    ['random numbers', (json: Json) => (nodeOf(json, 'y')['op'] = 'RandomUniform'), /'RandomUniform'/],
    ['a node that reads itself', (json: Json) => (nodeOf(json, 'd')['input'] = ['y', 'b']), /reads what it gives/],
    ['a node that is not there', (json: Json) => (nodeOf(json, 'd')['input'] = ['q', 'b']), /'q'/],
    ['an output that is not there', (json: Json) => (nodeOf(json, 'd')['input'] = ['c:4', 'b']), /'c' has no output 4/],
    ['too few inputs', (json: Json) => (nodeOf(json, 'd')['input'] = ['c']), /'d'.*needs more than 1 inputs/],
    ['strides that are texts', (json: Json) => (nodeOf(json, 'c')['attr'].strides = { list: { i: ['a'] } }), /'strides'/],
    ['a type of texts', (json: Json) => (nodeOf(json, 'x')['attr'].dtype = { type: 'DT_STRING' }), /DT_STRING/],
    [
      'a weight that is missing',
      (json: Json) => (nodeOf(json, 'w')['name'] = 'v') && (nodeOf(json, 'c')['input'] = ['x', 'v']),
      /no weight 'v'/,
    ],
    ['shapes that do not fit', (json: Json) => (nodeOf(json, 'd')['input'] = ['c', 'w']), /SHAPE|fit|broadcast|'d/],
    ['a node twice', (json: Json) => json['modelTopology'].node.push(nodeOf(json, 'y')), /two nodes 'y'/],
  ])('with %s is refused by name', (_, edit, message) => {
    expect(() => edited(edit, graphModel)).toThrow(message)
    expect(() => edited(edit, graphModel)).toThrow(/^net\/model\.json: /)
  })

  it('whose functions call each other without end is refused', () => {
    const call = { name: 'y', op: 'StatelessIf', input: ['c', 'c'], attr: { then_branch: attr.func('f'), else_branch: attr.func('f') } }
    const argument = { name: 'c', type: 'DT_BOOL' }
    const library = {
      function: [{ signature: { name: 'f', inputArg: [argument], outputArg: [{ name: 'o' }] }, nodeDef: [call], ret: { o: 'y:output:0' } }],
    }
    const { json, weights } = artifactsOf({ inputs: { c: [] }, nodes: [call], outputs: ['y'], library })
    expect(() => readTfjs(JSON.stringify(json), () => weights)).toThrow(/calls itself/)
  })
})

/** Anything that a JSON file may hold in the place of something else. */
function mutated(json: unknown, seed: string): unknown {
  const random = createRandom(seed)
  const copy = structuredClone(json)
  const places: { owner: Json; key: string }[] = []
  const visit = (owner: unknown): void => {
    if (typeof owner !== 'object' || owner === null) return
    for (const key of Object.keys(owner)) {
      places.push({ owner: owner as Json, key })
      visit((owner as Json)[key])
    }
  }
  visit(copy)
  for (let count = 1 + random.integer(3); count > 0; count--) {
    const { owner, key } = places[random.integer(places.length)]!
    const other = places[random.integer(places.length)]!
    const values = [null, -1, 0, 1e9, 2 ** 53, 1.5, '', 'x', [], {}, true, [[]], '__proto__', structuredClone(other.owner[other.key])]
    if (random.integer(5) === 0) delete owner[key]
    else owner[key] = values[random.integer(values.length)]
  }
  return copy
}

it.each([
  ['layers', layersModel],
  ['graph', graphModel],
])('whatever a %s model holds in the place of something else, it is read or refused in words', (name, { json, weights }) => {
  const ends = { read: 0, refused: 0 }
  for (let seed = 0; seed < 400; seed++) {
    try {
      readTfjs(JSON.stringify(mutated(json, `${name}${seed}`)), () => weights)
      ends.read++
    } catch (error) {
      if (!(error instanceof ModelError || error instanceof UnsupportedError)) throw new Error(`seed ${seed}`, { cause: error })
      ends.refused++
    }
  }
  expect(ends.refused).toBeGreaterThan(50)
  expect(ends.read).toBeGreaterThan(20)
})

import { Model, ModelError, UnsupportedError, WhittleError, validate } from '@whittle/ir'
import { Emitter } from './emitter.ts'
import { readGraphModel } from './graph/model.ts'
import { Fields, isObject } from './json.ts'
import type { LayerRule } from './layers/call.ts'
import { readLayersModel } from './layers/model.ts'
import { tidy } from './layout/index.ts'
import { type WeightGroup, readManifest, readWeights } from './manifest.ts'
import type { TfjsOptions } from './options.ts'

/** A `model.json` is text; past this it is no model. */
const LONGEST = 512 * 1024 * 1024

/**
 * Reads a TensorFlow.js model, a layers model or a graph model.
 *
 * Inputs and outputs keep their names and shapes (pictures stay `[N, H, W, C]`); inside, layers compute in ONNX's order. A free batch is
 * named `N`, other free dimensions after their input and axis. Weights that are stored in 8 or 16 bits become float32.
 * @param json the text of `model.json`.
 * @param shards gives a file of weights by its path in the weights manifest, which was checked to stay in the model's folder.
 * @throws {ModelError} when the model is malformed or its weights are missing or of the wrong size; {@link UnsupportedError} when it holds
 * a layer, an op or an option that has no form in ONNX, naming it.
 */
export function readTfjs(json: string | Uint8Array, shards: (path: string) => Uint8Array, options: TfjsOptions = {}): Model {
  const name = options.name ?? 'model'
  try {
    return readParsed(parse(json), shards, options)
  } catch (error) {
    if (error instanceof RangeError)
      throw new ModelError('TFJS_INVALID', `${name}: its sizes cannot be (${error.message}); convert the model again`, { cause: error })
    if (error instanceof WhittleError && !error.message.startsWith(name)) error.message = `${name}: ${error.message}`
    throw error
  }
}

/**
 * The files of weights that a `model.json` needs, by their paths relative to it; none is opened.
 * @throws {ModelError} when the text is no TensorFlow.js model, or names a file outside its folder.
 */
export function tfjsShards(json: string | Uint8Array): string[] {
  return [...new Set(readManifest(parse(json)).flatMap((group) => group.paths))]
}

/** Whether a text is the `model.json` of a TensorFlow.js model, rather than any other JSON. */
export function isTfjs(json: string | Uint8Array): boolean {
  try {
    const model = parse(json)
    return model.has('modelTopology') && model.has('weightsManifest')
  } catch {
    return false
  }
}

function parse(json: string | Uint8Array): Fields {
  if (json.length > LONGEST) throw new ModelError('TFJS_JSON', 'the text is too long for a model.json')
  const text = typeof json === 'string' ? json : new TextDecoder().decode(json)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new ModelError('TFJS_JSON', `the file is no JSON (${(error as Error).message}); download or convert the model again`, {
      cause: error,
    })
  }
  if (!isObject(parsed)) throw new ModelError('TFJS_JSON', 'the file is no model.json of TensorFlow.js: it holds no object; check the path')
  return new Fields(parsed, 'model.json')
}

function readParsed(file: Fields, shards: (path: string) => Uint8Array, options: TfjsOptions): Model {
  if (!file.has('modelTopology'))
    throw new ModelError(
      'TFJS_TOPOLOGY',
      'the file has no modelTopology: it is no model.json of TensorFlow.js, or holds weights alone; convert the model again',
    )
  const topology = file.fields('modelTopology')
  const groups: WeightGroup[] = readManifest(file)
  const isGraph = file.has('format') ? formatOf(file) === 'graph-model' : topology.has('node')
  const weights = readWeights(groups, shards)
  const model = new Model('main')
  model.metadata.producerName = file.has('generatedBy') ? String(file.raw('generatedBy')) : 'TensorFlow.js'
  const emitter = new Emitter(model.graph)
  if (isGraph) readGraphModel(emitter, file, topology, weights)
  else readLayersModel(emitter, topology, weights, customRules(options))
  tidy(model)
  validate(model)
  return model
}

function formatOf(file: Fields): string {
  const format = file.string('format')
  if (format !== 'layers-model' && format !== 'graph-model')
    throw new UnsupportedError('TFJS_FORMAT', `the format is '${format}'; layers-model and graph-model can be read`)
  return format
}

function customRules({ customLayers = {} }: TfjsOptions): Map<string, LayerRule> {
  return new Map(
    Object.entries(customLayers).map(([className, emit]): [string, LayerRule] => [
      className,
      ({ e, name, inputs, config, weight }) =>
        emit({
          name,
          inputs,
          config: config.json(),
          graph: e.graph,
          weight,
          node: (op, values, attributes) => e.node(op, values, attributes),
          constant: (tensor) => e.constant(`${name}/constant`, tensor),
          shape: (value) => e.shape(value),
        }),
    ]),
  )
}

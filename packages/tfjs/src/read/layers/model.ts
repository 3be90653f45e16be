import { type Dim, type ElementType, ModelError, UnsupportedError, type Value } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'
import { Fields, isObject, wrong } from '../json.ts'
import type { Weights } from '../manifest.ts'
import type { LayerCall, LayerRule } from './call.ts'
import { CONTAINERS, layerRule } from './table.ts'
import { LayerWeights } from './weights.ts'

/** The number of layers inside of layers, and of models inside of models, that is believed. */
const DEEPEST = 50

/** Reads a Keras topology (`Sequential`, `Functional`) into the emitter's graph. */
export function readLayersModel(e: Emitter, topology: Fields, weights: Weights, custom: ReadonlyMap<string, LayerRule>): void {
  const model = topology.has('model_config') ? topology.fields('model_config') : topology
  const className = model.string('class_name')
  if (!CONTAINERS.has(className))
    throw new UnsupportedError('TFJS_MODEL', `the model is a '${className}'; Sequential and Functional models can be read`)
  const reader = new LayersReader(e, weights, custom)
  const { outputs, names } = reader.model(model, undefined, [])
  outputs.forEach((output, index) => e.graph.addOutput(reader.output(output, names[index]!)))
}

/** A layer's call is a place in the graph of layers: its name, which of its calls, which of that call's outputs. */
interface Reference {
  readonly layer: string
  readonly node: number
  readonly tensor: number
}

interface Layer {
  readonly name: string
  readonly className: string
  readonly fields: Fields
  readonly config: Fields
  readonly calls: readonly (readonly Reference[])[]
  /** The number of the first call. */
  first: number
}

class LayersReader {
  readonly #e: Emitter
  readonly #weights: LayerWeights
  readonly #custom: ReadonlyMap<string, LayerRule>
  readonly #calls = new Map<string, number>()

  constructor(e: Emitter, weights: Weights, custom: ReadonlyMap<string, LayerRule>) {
    this.#e = e
    this.#weights = new LayerWeights(weights)
    this.#custom = custom
  }

  /** An output under its own name; one that is an input, a constant or given already goes through an Identity. */
  output(value: Value, name: string): Value {
    const { graph } = this.#e
    const own = !value.producer || value.isOutput ? this.#e.named(name, [], () => [this.#e.node('Identity', [value])])[0]! : value
    if (own.name !== name) graph.model.rename(own, graph.model.uniqueName(name))
    return own
  }

  /** @param inputs undefined for the model itself, whose inputs are the graph's. */
  model(fields: Fields, inputs: readonly Value[] | undefined, path: readonly string[]): { outputs: Value[]; names: string[] } {
    if (path.length > DEEPEST) throw new ModelError('TFJS_DEEP', `models lie in models more than ${DEEPEST} deep; convert the model again`)
    return fields.string('class_name') === 'Sequential' ? this.#sequential(fields, inputs, path) : this.#functional(fields, inputs, path)
  }

  #sequential(fields: Fields, inputs: readonly Value[] | undefined, path: readonly string[]): { outputs: Value[]; names: string[] } {
    // Old models keep the list of layers where newer ones keep an object.
    const layers = Array.isArray(fields.raw('config')) ? fields.items('config') : fields.fields('config').items('layers')
    let values = inputs
    let name = 'output'
    for (const layer of layers) {
      const config = layer.fields('config')
      const className = layer.string('class_name')
      name = config.string('name', className.toLowerCase())
      if (!values) {
        const isInput = className === 'InputLayer'
        values = [this.#input(isInput || CONTAINERS.has(className) ? firstConfig(layer) : config, isInput ? name : `${name}_input`)]
      }
      if (className !== 'InputLayer') values = this.layer(layer, name, values, path)
    }
    if (!values) throw new ModelError('TFJS_EMPTY', 'the model has no layers; convert the model again')
    return { outputs: [...values], names: values.map((_, index) => (index === 0 ? name : `${name}_${index}`)) }
  }

  #functional(fields: Fields, inputs: readonly Value[] | undefined, path: readonly string[]): { outputs: Value[]; names: string[] } {
    const config = fields.fields('config')
    const layers = new Map<string, Layer>()
    for (const item of config.items('layers')) {
      const layer = layerOf(item)
      if (layers.has(layer.name))
        throw new ModelError('TFJS_LAYER_TWICE', `the model has two layers '${layer.name}'; convert the model again`)
      layers.set(layer.name, layer)
    }
    const values = new Map<string, readonly Value[]>()
    const entries = references(config.raw('input_layers'), `'input_layers' of ${config.at}`)
    if (inputs && inputs.length !== entries.length) throw this.#e.fail(`a model of ${entries.length} inputs is given ${inputs.length}`)
    entries.forEach((reference, index) => {
      const layer = layers.get(reference.layer)
      if (!layer) throw missing(reference.layer, 'the list of inputs')
      values.set(keyOf(reference), [inputs?.[index] ?? this.#input(layer.config, layer.name)])
    })
    const exits = references(config.raw('output_layers'), `'output_layers' of ${config.at}`)
    countFromOne(layers, exits)
    for (const exit of exits) this.#run(exit, layers, values, path)
    const outputs = exits.map((exit) => valueAt(values, exit))
    const seen = new Map<string, number>()
    const names = exits.map(({ layer }) => {
      const count = seen.get(layer) ?? 0
      seen.set(layer, count + 1)
      return count === 0 ? layer : `${layer}_${count}`
    })
    return { outputs, names }
  }

  /** Runs what a call depends on, then the call; without recursion, for a model may be as deep as its file is long. */
  #run(goal: Reference, layers: ReadonlyMap<string, Layer>, values: Map<string, readonly Value[]>, path: readonly string[]): void {
    const stack = [goal]
    const open = new Set<string>()
    while (stack.length > 0) {
      const reference = stack.at(-1)!
      const key = keyOf(reference)
      if (values.has(key)) {
        stack.pop()
        continue
      }
      const layer = layers.get(reference.layer)
      if (!layer) throw missing(reference.layer, 'another layer')
      const call = layer.calls[reference.node - layer.first]
      if (!call || call.length === 0) throw missing(`${reference.layer} (call ${reference.node})`, 'another layer')
      const waiting = call.filter((source) => !values.has(keyOf(source)))
      if (waiting.length === 0) {
        values.set(
          key,
          this.layer(
            layer.fields,
            layer.name,
            call.map((source) => valueAt(values, source)),
            path,
          ),
        )
        open.delete(key)
        stack.pop()
        continue
      }
      if (open.has(key)) throw new ModelError('TFJS_CYCLE', `layer '${layer.name}' reads what it gives; convert the model again`)
      open.add(key)
      stack.push(...waiting)
    }
  }

  /** One call of a layer. */
  layer(fields: Fields, name: string, inputs: readonly Value[], path: readonly string[], scope = name): readonly Value[] {
    const className = fields.string('class_name').replace(/^.*>/, '')
    if (CONTAINERS.has(className)) return this.model(fields, inputs, [...path, name]).outputs
    if (path.length > DEEPEST) throw new ModelError('TFJS_DEEP', `layers lie in layers more than ${DEEPEST} deep; convert the model again`)
    const rule = this.#custom.get(className) ?? layerRule(className)
    if (!rule)
      throw new UnsupportedError(
        'TFJS_LAYER',
        `layer '${name}' is a '${className}', which Whittle cannot read; replace it, or say with the option customLayers what it does`,
      )
    const count = this.#calls.get(scope) ?? 0
    this.#calls.set(scope, count + 1)
    const full = count === 0 ? scope : `${scope}_${count}`
    const where = [...path, name]
    return this.#e.named(full, [full], () => {
      const call: LayerCall = {
        e: this.#e,
        name,
        className,
        config: fields.fields('config'),
        inputs,
        get x(): Value {
          if (!inputs[0]) throw new ModelError('TFJS_INVALID', `layer '${name}' has no input; convert the model again`)
          return inputs[0]
        },
        weight: (end) => this.#weights.value(this.#e, where, end),
        tensor: (end) => this.#weights.tensor(this.#e, where, end),
        inner: (layer, given) => {
          const inner = layer.fields('config').string('name', name)
          return this.layer(layer, this.#weights.knows(inner) ? inner : name, given, [...path, name], `${full}/${inner}`)
        },
      }
      const result = rule(call)
      return Array.isArray(result) ? (result as readonly Value[]) : [result as Value]
    })
  }

  #input(config: Fields, name: string): Value {
    if (!config.has('batch_input_shape') && !config.has('batch_shape'))
      throw new ModelError('TFJS_INPUT', `layer '${name}' does not say the shape of its input; convert the model again`)
    const shape = config.list(config.has('batch_input_shape') ? 'batch_input_shape' : 'batch_shape')
    const dims = shape.map((size, axis): Dim => {
      if (size === null || size === undefined || size === -1) return axis === 0 ? 'N' : `${name}_dim${axis}`
      if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
        throw wrong(`the shape of input '${name}'`, 'a list of sizes', shape)
      return size
    })
    return this.#e.input(name, inputType(config.raw('dtype'), name), dims)
  }
}

function inputType(dtype: unknown, name: string): ElementType {
  const type = dtype ?? 'float32'
  if (type === 'float32' || type === 'int32' || type === 'bool') return type
  throw new UnsupportedError('TFJS_DTYPE', `input '${name}' is of ${JSON.stringify(type)}; float32, int32 and bool can be read`)
}

/** The configuration that says the input's shape, of a model within the model. */
function firstConfig(layer: Fields): Fields {
  let at = layer
  for (let depth = 0; depth < DEEPEST && CONTAINERS.has(at.string('class_name')); depth++) {
    const first = (Array.isArray(at.raw('config')) ? at.items('config') : at.fields('config').items('layers'))[0]
    if (!first) break
    at = first
  }
  return at.fields('config')
}

function layerOf(fields: Fields): Layer {
  const config = fields.fields('config')
  const name = fields.string('name', config.string('name', ''))
  if (name === '') throw wrong(`the name of ${fields.at}`, 'a text', '')
  const calls = fields.list('inbound_nodes', []).map((call, index) => references(call, `'inbound_nodes[${index}]' of layer '${name}'`))
  return { name, className: fields.string('class_name'), fields, config, calls, first: 0 }
}

/** A model that is a layer was called once when it was made: some writers count that call, others do not. */
function countFromOne(layers: ReadonlyMap<string, Layer>, exits: readonly Reference[]): void {
  const read = [...exits, ...[...layers.values()].flatMap(({ calls }) => calls.flat())]
  for (const { layer: name, node } of read) {
    const layer = layers.get(name)
    if (layer && CONTAINERS.has(layer.className) && node >= 1 && node === layer.calls.length) layer.first = 1
  }
}

/** `[['conv', 0, 0, {}], ...]`, or one of them alone. */
function references(list: unknown, at: string): Reference[] {
  if (isObject(list))
    throw new UnsupportedError(
      'TFJS_KERAS3',
      `${at} is written as Keras 3 does, which TensorFlow.js cannot run; convert the model with Keras 2 (tf_keras)`,
    )
  if (!Array.isArray(list)) throw wrong(at, 'a list of layers', list)
  const items = (typeof list[0] === 'string' ? [list] : list) as unknown[]
  return items.map((item) => {
    const [layer, node = 0, tensor = 0, options] = Array.isArray(item) ? (item as unknown[]) : []
    if (typeof layer !== 'string' || !isIndex(node) || !isIndex(tensor)) throw wrong(at, 'a list of layers', item)
    const given = isObject(options)
      ? Object.entries(options).find(([key, value]) => key !== 'training' && value !== null && value !== undefined)
      : undefined
    if (given) throw new UnsupportedError('TFJS_CALL', `${at}: the call of a layer with '${given[0]}' cannot be read`)
    return { layer, node, tensor }
  })
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}

function keyOf({ layer, node }: Reference): string {
  return `${node} ${layer}`
}

function valueAt(values: ReadonlyMap<string, readonly Value[]>, reference: Reference): Value {
  const value = values.get(keyOf(reference))?.[reference.tensor]
  if (!value) throw missing(`${reference.layer} (output ${reference.tensor})`, 'another layer')
  return value
}

function missing(layer: string, reader: string): ModelError {
  return new ModelError('TFJS_LAYER_MISSING', `${reader} reads layer '${layer}', which the model does not have; convert the model again`)
}

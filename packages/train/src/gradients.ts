import { type Model, type Node, OptionError, type Value, inferShapes, invalidOption, removeUnused } from '@whittle/ir'
import { asInput } from './as-input.ts'
import { Builder } from './builder.ts'
import { type Frozen, refuseUnreached, traceDependence } from './reach.ts'
import { ruleOf } from './rules/table.ts'
import { valuesByName } from './values.ts'

export interface GradientOptions {
  /** The name of a float32 value with one element, which need not be an output yet. */
  loss: string
  /** Names of the float32 values to differentiate with respect to: initializers, inputs, or what nodes give. */
  wrt: readonly string[]
  /**
   * 'inputs' makes graph inputs of those in `wrt` that are initializers, so that one model serves every step of training; 'constants'
   * leaves them. @default 'constants'
   */
  parameters?: 'constants' | 'inputs'
}

export interface Gradients {
  /** Gives the outputs of the original, the loss, and the gradients. */
  model: Model
  /** From each name of `wrt` to the output that is the loss's gradient with respect to it, of the same shape. */
  gradients: Map<string, string>
  /** The nodes through which no gradient goes, though they depend on `wrt` and the loss depends on them. */
  frozen: Frozen[]
}

/**
 * Reverse-mode differentiation as a transform of the graph (Griewank & Walther 2008, chapter 3): every node between `wrt` and the loss is
 * followed backwards by nodes of standard ONNX ops that any ONNX Runtime runs. Free dimensions stay free.
 * @throws {OptionError} GRADIENT_NAME when a name is not of the model, or not of a float32 value.
 * @throws {ModelError} GRADIENT_UNREACHED when the loss does not depend on a value of `wrt`, or only through frozen nodes.
 */
export function gradients(original: Model, { loss, wrt, parameters = 'constants' }: GradientOptions): Gradients {
  if (parameters !== 'constants' && parameters !== 'inputs')
    throw invalidOption('gradients', 'parameters', "'constants' or 'inputs'", parameters)
  if (wrt.length === 0) throw invalidOption('gradients', 'wrt', 'at least one name', '')
  const model = original.clone()
  const { graph } = model
  const values = valuesByName(model)
  if (parameters === 'inputs') for (const name of new Set(wrt)) values.set(name, asInput(named(values, name, 'wrt')))
  inferShapes(model)
  const targets = new Map(wrt.map((name) => [name, named(values, name, 'wrt')]))
  const target = named(values, loss, 'loss')
  if (!target.shape?.every((dim) => dim === 1))
    throw new OptionError(
      'GRADIENT_NAME',
      `gradients: loss '${loss}' has the shape [${target.shape ?? '?'}], and must have one element; reduce it`,
    )

  const dependence = traceDependence(graph, target, new Set(targets.values()))
  for (const value of targets.values()) refuseUnreached(value, target, dependence)

  const own = new Set<Node | Value>([...model.nodes(), ...model.initializers()])
  const b = new Builder(graph)
  const sums = new Map<Value, Value[]>([
    [
      target,
      [
        b.reshape(
          b.floats([1]),
          target.shape.map(() => 1),
        ),
      ],
    ],
  ])
  const total = (value: Value): Value | undefined => {
    const parts = sums.get(value)
    if (!parts) return undefined
    if (parts.length > 1) parts.splice(0, parts.length, b.op('Sum', [...parts]))
    return parts[0]
  }
  for (const node of dependence.nodes.toReversed()) {
    backward(node, b, total, dependence.live).forEach((gradient, index) => {
      const input = node.inputs[index]
      if (!gradient || !input || !dependence.live.has(input)) return
      const parts = sums.get(input)
      if (parts) parts.push(gradient)
      else sums.set(input, [gradient])
    })
  }

  const outputs = new Map<string, string>()
  for (const [name, value] of targets) {
    const spec = { op: 'Identity', inputs: [total(value)!], outputs: [`${name}_gradient`] }
    const { output } = graph.addNode(spec)
    output.elementType = 'float32'
    output.shape = value.shape && [...value.shape]
    graph.addOutput(output)
    outputs.set(name, output.name)
  }
  if (!graph.outputs.includes(target)) graph.addOutput(target)
  // The shapes within are left open: with free dims they would be expressions that grow from node to node.
  removeUnused(graph, (item) => !own.has(item))
  return { model, gradients: outputs, frozen: dependence.frozen }
}

/** The gradients of a node's inputs, by position. */
function backward(node: Node, b: Builder, total: (value: Value) => Value | undefined, live: ReadonlySet<Value>): (Value | undefined)[] {
  const gradientOf = (index: number): Value | undefined => {
    const output = node.outputs[index]
    return output && total(output)
  }
  if (!node.outputs.some((_, index) => gradientOf(index))) return []
  return ruleOf(node.type)!.gradient({
    node,
    b,
    x: (index) => node.inputs[index]!,
    y: node.outputs[0]!,
    get dy() {
      return gradientOf(0)!
    },
    gradientOf,
    needs: (index) => {
      const input = node.inputs[index]
      return input !== undefined && live.has(input)
    },
  })
}

function named(values: ReadonlyMap<string, Value>, name: string, option: 'loss' | 'wrt'): Value {
  const value = values.get(name)
  if (!value) throw new OptionError('GRADIENT_NAME', `gradients: ${option} names '${name}', which the model's graph does not have`)
  if (value.elementType !== undefined && value.elementType !== 'float32')
    throw new OptionError('GRADIENT_NAME', `gradients: ${option} names '${name}', which is ${value.elementType}, not float32`)
  return value
}

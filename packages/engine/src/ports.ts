import { DatasetError, type Dim, type ElementType, type Model, type Sample, type Tensors, type Value, isTensor } from '@whittle/ir'
import { originOf } from './origin.ts'

/** An input or an output of a model: numbers are fixed dimensions, names are free ones; undefined is unknown. */
export interface Port {
  readonly name: string
  readonly elementType: ElementType | undefined
  readonly dims: readonly Dim[] | undefined
}

/** The inputs that a run must give (those with a default value are left out) and the outputs of an IR model. */
export function portsOf(model: Model): { inputs: Port[]; outputs: Port[] } {
  const port = ({ name, elementType, shape }: Value): Port => ({ name, elementType, dims: shape && [...shape] })
  return {
    inputs: model.graph.inputs.filter((value) => !value.tensor).map(port),
    outputs: model.graph.outputs.map(port),
  }
}

/** `float32[1, 3, H, W]`, for messages. */
export function describePort({ elementType, dims }: Pick<Port, 'elementType' | 'dims'>): string {
  return `${elementType ?? 'tensor'}[${dims ? dims.join(', ') : '?'}]`
}

/**
 * Checks that the inputs of a run are exactly those of the model, in element type and shape.
 * @param where what the message starts with: `sample 3 of ./samples.ts`.
 * @throws {DatasetError} naming the input, what is expected and what is given.
 */
export function checkInputs(inputs: Tensors, ports: readonly Port[], where = 'inputs'): void {
  const names = ports.map((port) => `'${port.name}'`).join(', ')
  if (inputs === null || typeof inputs !== 'object')
    throw new DatasetError('INPUT_MISSING', `${where}: expected an object of tensors by input name (${names}), received ${String(inputs)}`)
  for (const name of Object.keys(inputs))
    if (!ports.some((port) => port.name === name))
      throw new DatasetError('INPUT_UNKNOWN', `${where}: the model has no input '${name}'; its inputs are ${names || 'none'}`)
  for (const port of ports) {
    const tensor = inputs[port.name]
    if (!tensor)
      throw new DatasetError('INPUT_MISSING', `${where}: input '${port.name}' is missing; the model expects ${describePort(port)}`)
    if (!isTensor(tensor))
      throw new DatasetError(
        'INPUT_TYPE',
        `${where}: input '${port.name}' is not a Tensor; make one with Tensor.of('${port.elementType}', dims, data)`,
      )
    if (port.elementType !== undefined && tensor.type !== port.elementType)
      throw new DatasetError('INPUT_TYPE', `${where}: input '${port.name}' is ${tensor.type}; the model expects ${port.elementType}`)
    if (port.dims !== undefined && !fits(tensor.dims, port.dims))
      throw new DatasetError(
        'INPUT_SHAPE',
        `${where}: input '${port.name}' has shape [${tensor.dims.join(', ')}]; the model expects [${port.dims.join(', ')}]`,
      )
  }
}

/**
 * Checks one sample of a dataset against the inputs of the model.
 * @param where what the message starts with; by default where the sample was loaded from: `./samples.ts, sample 3`.
 * @throws {DatasetError} naming the sample, the input, what is expected and what is given.
 */
export function checkSample(sample: Sample, ports: readonly Port[], where = originOf(sample) ?? 'sample'): void {
  if (sample === null || typeof sample !== 'object' || !('inputs' in sample))
    throw new DatasetError('SAMPLE_FORM', `${where}: expected { inputs: { name: Tensor }, label? }, received ${describe(sample)}`)
  checkInputs(sample.inputs, ports, where)
}

function fits(dims: readonly number[], expected: readonly Dim[]): boolean {
  return dims.length === expected.length && expected.every((dim, axis) => (typeof dim === 'number' ? dim === dims[axis] : true))
}

function describe(value: unknown): string {
  if (value === null || typeof value !== 'object') return String(value)
  return `{ ${Object.keys(value).slice(0, 5).join(', ')} }`
}

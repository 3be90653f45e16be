import type { Manifest, Port } from '@whittle/targets'
import { RunError } from './errors.ts'
import { holds, nameOf, sizeOf, type Tensor } from './tensor.ts'

/**
 * Checks what is given to a run against the model's inputs.
 * @throws {RunError} naming the input, what is expected and what was given.
 */
export function validateInputs(manifest: Manifest, inputs: Readonly<Record<string, unknown>>): void {
  const { name: model, inputs: ports } = manifest
  const names = ports.map((port) => `'${port.name}'`).join(', ')
  if (inputs === null || typeof inputs !== 'object') {
    throw new RunError('INPUT_MISSING', `${model}: expected an object with the inputs ${names}, received ${nameOf(inputs)}`)
  }
  for (const name of Object.keys(inputs)) {
    if (ports.some((port) => port.name === name)) continue
    throw new RunError('INPUT_UNKNOWN', `${model}: there is no input '${name}'; its inputs are ${names}`)
  }
  for (const port of ports) {
    const given = inputs[port.name]
    if (given === undefined) throw new RunError('INPUT_MISSING', `${model}: the input '${port.name}' is missing (${describe(port)})`)
    validateInput(model, port, given as Tensor | null)
  }
}

function validateInput(model: string, port: Port, given: Tensor | null): void {
  const { type, data, dims } = given ?? ({} as Tensor)
  const fail = (code: string, received: string): never => {
    throw new RunError(code, `${model}: expected ${describe(port)} for the input '${port.name}', received ${received}`)
  }
  if (!Array.isArray(dims) || data === undefined) fail('INPUT_TYPE', 'no tensor; make one with tensor(data, dims)')
  if (type !== port.elementType) fail('INPUT_TYPE', type ? `${type}[${dims.join(', ')}]` : 'a tensor without an element type')
  if (!holds(data, type)) fail('INPUT_TYPE', `${type} in ${nameOf(data)}`)
  if (dims.length !== port.dims.length) fail('INPUT_RANK', `[${dims.join(', ')}], which has rank ${dims.length}`)
  port.dims.forEach((dim, axis) => {
    if (typeof dim === 'number' && dim !== dims[axis]) fail('INPUT_DIM', `[${dims.join(', ')}], whose axis ${axis} is not ${dim}`)
  })
  if (data.length !== sizeOf(dims)) fail('INPUT_SIZE', `${data.length} elements for [${dims.join(', ')}], which takes ${sizeOf(dims)}`)
}

/** `float32[N, 3, 48, 192]`. */
function describe(port: Port): string {
  return `${port.elementType}[${port.dims.join(', ')}]`
}

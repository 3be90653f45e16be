import { type Model, OptionError, type Target, type Value } from '@whittle/ir'
import type { Request } from './directives/directive.ts'

/** The inputs that an app has to give. */
function givenInputs(model: Model): Value[] {
  return model.graph.inputs.filter((value) => !value.tensor)
}

/**
 * Pins the free dimensions of the inputs (`input=1x3x224x224`).
 * @throws {OptionError} when the sizes do not fit.
 */
export function pinInputs(model: Model, { input }: Request): void {
  if (!input) return
  const inputs = givenInputs(model)
  if (input.length !== inputs.length)
    throw new OptionError(
      'INPUT_SHAPES',
      `input: ${input.length} shapes are given for ${inputs.length} inputs (${inputs.map(({ name }) => name).join(', ')})`,
    )
  input.forEach((sizes, index) => {
    const value = inputs[index]!
    const shape = value.shape ?? sizes
    if (sizes.length !== shape.length || sizes.some((size, axis) => typeof shape[axis] === 'number' && shape[axis] !== size))
      throw new OptionError('INPUT_SHAPES', `input: ${sizes.join('x')} does not fit '${value.name}', whose shape is [${shape.join(', ')}]`)
    value.shape = [...sizes]
  })
}

/** @throws {OptionError} when the target compiles for fixed shapes and an input's are free, with what to write. */
export function checkTarget(target: Target, model: Model): void {
  if (!target.staticShapes) return
  const inputs = givenInputs(model)
  const free = inputs.find((value) => !value.shape?.every((dim) => typeof dim === 'number'))
  if (!free) return
  const example = inputs.map(({ shape }) => (shape ?? [1]).map((dim) => (typeof dim === 'number' ? dim : 1)).join('x')).join(',')
  throw new OptionError(
    'TARGET_SHAPES',
    `target ${target.name} compiles for fixed shapes, and input '${free.name}' is [${free.shape?.join(', ') ?? '?'}]: pin it, for example with input=${example}`,
  )
}

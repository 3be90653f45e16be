import { type EngineSession, type Model, Tensor, type Tensors, type Value, createRandom, inferShapes } from '@whittle/ir'
import { nativeEngine } from '@whittle/engine'
import { type GraphBuilder, buildModel } from '@whittle/testing'
import { gradients } from '../src/index.ts'

const engine = nativeEngine({ threads: 1 })

/** How the numbers of an input are drawn. Of `distinct` ones no two are nearer than 0.1, and none is nearer than 0.05 to a multiple of 0.1. */
export type Numbers = 'normal' | 'positive' | 'distinct'

/** Adds an input that is differentiated; its dims are free in the second of two runs, unless it is a kernel. */
export type AddInput = (name: string, dims: number[], numbers?: Numbers) => Value

export interface Given {
  b: GraphBuilder
  x: AddInput
  /** As `x`, its dims always known. */
  w: AddInput
}

export interface Case {
  rule: string
  name: string
  build: (given: Given) => Value | Value[]
  /** Why free dims cannot work. */
  fixedOnly?: string
  /** The gradient is not the derivative: what is expected is computed from the inputs by hand. */
  expected?: (inputs: Record<string, number[]>, functional: number[]) => Record<string, number[]>
}

/** Runs a model's session without any fusion, so that what runs is what the model says. */
export const open = (model: Model): Promise<EngineSession> => engine.open(model, { optimization: 'none', threads: 1 })

/** The model of a case, and the inputs that are differentiated. */
export function modelOf({ build, name }: Case, free: boolean): { model: Model; inputs: Tensors } {
  const inputs: Tensors = {}
  const random = createRandom(name)
  const draw = (dims: readonly number[], numbers: Numbers): Tensor => {
    const size = dims.reduce((product, dim) => product * dim, 1)
    if (numbers !== 'distinct')
      return Tensor.float32(
        dims,
        Array.from({ length: size }, () => (numbers === 'normal' ? random.normal() : 0.5 + Math.abs(random.normal()))),
      )
    const steps = Array.from({ length: size }, (_, index) => (index - Math.floor(size / 2)) * 0.1 + 0.05)
    for (let at = size - 1; at > 0; at--) {
      const other = random.integer(at + 1)
      ;[steps[at], steps[other]] = [steps[other]!, steps[at]!]
    }
    return Tensor.float32(dims, steps)
  }
  const model = buildModel((b) => {
    const add =
      (symbolic: boolean): AddInput =>
      (input, dims, numbers = 'normal') => {
        inputs[input] = draw(dims, numbers)
        return b.input(input, symbolic ? dims.map((_, axis) => `${input}${axis}`) : dims)
      }
    const outputs = build({ b, x: add(free), w: add(false) })
    for (const output of [outputs].flat()) b.output(output)
  }, name)
  return { model, inputs }
}

/** Puts a random linear functional of all outputs behind them, so that all of them matter: `loss`. */
export function withLoss(model: Model, outputs: Tensors): { model: Model; functional: Record<string, number[]> } {
  const copy = model.clone()
  const { graph } = copy
  const random = createRandom('functional')
  const functional: Record<string, number[]> = {}
  const sums = graph.outputs.map((output) => {
    const { dims, size } = outputs[output.name]!
    functional[output.name] = Array.from({ length: size }, () => random.normal())
    const factor = graph.addInitializer('functional', Tensor.float32(dims, functional[output.name]!))
    const product = graph.addNode({ op: 'Mul', inputs: [output, factor] }).output
    return graph.addNode({ op: 'ReduceSum', inputs: [product], attributes: { keepdims: 0 } }).output
  })
  const loss = graph.addNode({ op: 'Sum', inputs: sums, outputs: ['loss'] }).output
  graph.addOutput(loss)
  inferShapes(copy)
  return { model: copy, functional }
}

const STEP = 0.02
/** Central differences of the fourth order: the error is that of the fifth derivative. */
const STENCIL = [
  [1, 8 / 12],
  [-1, -8 / 12],
  [2, -1 / 12],
  [-2, 1 / 12],
] as const

/** The derivative of the functional by each element of the inputs, by differences; the functional is summed in double precision. */
export async function differences(
  session: EngineSession,
  inputs: Tensors,
  functional: Record<string, number[]>,
): Promise<Record<string, number[]>> {
  const results: Record<string, number[]> = {}
  for (const [name, tensor] of Object.entries(inputs)) {
    const numbers = tensor.toFloat32()
    const slopes: number[] = []
    for (let at = 0; at < numbers.length; at++) {
      let [slope, step] = [0, STEP]
      for (const [shift, weight] of STENCIL) {
        const moved = numbers.slice()
        moved[at]! += shift * STEP
        if (shift === 1) step = moved[at]! - numbers[at]!
        const outputs = await session.run({ ...inputs, [name]: Tensor.float32(tensor.dims, moved) })
        for (const [output, factors] of Object.entries(functional)) {
          const items = outputs[output]!.toNumbers()
          for (let index = 0; index < factors.length; index++) slope += weight * factors[index]! * items[index]!
        }
      }
      slopes.push(slope / step)
    }
    results[name] = slopes
  }
  return results
}

/** The gradients that the transform gives, and those expected, by input. */
export async function compareGradients(
  test: Case,
  free: boolean,
): Promise<{ given: Tensors; expected: Record<string, number[]>; inputs: Tensors }> {
  const { model, inputs } = modelOf(test, free)
  const forward = await open(model)
  const outputs = await forward.run(inputs)
  const { model: lossy, functional } = withLoss(model, outputs)
  const names = Object.keys(inputs)
  const { model: backward, gradients: named, frozen } = gradients(lossy, { loss: 'loss', wrt: names })
  if (frozen.length > 0) throw new Error(`frozen: ${JSON.stringify(frozen)}`)
  const session = await open(backward)
  try {
    const results = await session.run(inputs)
    const given = Object.fromEntries(names.map((name) => [name, results[named.get(name)!]!]))
    const plain = Object.fromEntries(names.map((name) => [name, inputs[name]!.toNumbers()]))
    const expected = test.expected?.(plain, Object.values(functional)[0]!) ?? (await differences(forward, inputs, functional))
    return { given, expected, inputs }
  } finally {
    await session.dispose()
    await forward.dispose()
  }
}

import { invalidOption } from '@whittle/ir'

/** How a parameter moves. */
export interface Optimizer {
  /** Moves `values` in place by one step against `gradient`; both have the parameter's elements. */
  step(parameter: Parameter, gradient: Float32Array, rate: number): void
}

/** Numbers that learn, and what the optimizer remembers of them. */
export interface Parameter {
  readonly name: string
  readonly values: Float32Array
  /** Elements that are 0 in it stay as they are. */
  readonly mask?: Uint8Array | undefined
  /** Which group each element is in, such as its output channel; one group where it is left out. A relative rate has its unit by group. */
  readonly groups?: Uint32Array | undefined
  /** What a relative rate is a share of, where that is not the root mean square. */
  readonly unit?: number
  /** Whether weight decay draws it to zero: kernels, not biases, scales or step sizes. */
  readonly decays: boolean
  /** 'logarithm' moves the logarithms of positive numbers, so that they stay positive and steps are shares of them. */
  readonly domain?: 'logarithm'
  readonly state: { [name: string]: Float32Array }
  /** Steps taken. */
  steps: number
}

export interface OptimizerOptions {
  /** `'adamw'` or `'sgd'`. @default 'adamw' */
  optimizer?: 'adamw' | 'sgd'
  /** Of `'sgd'`: the share of the last step that is taken again. @default 0.9 */
  momentum?: number
  /** Of `'adamw'`: how slowly the averages of gradients and of their squares forget. @default [0.9, 0.999] */
  betas?: readonly [number, number]
  /** The share of itself by which a kernel shrinks at a learning rate of 1, apart from the gradient. @default 0 */
  weightDecay?: number
  /**
   * Whether a learning rate is a share of the root mean square of each output channel (of each parameter that has none), as in Adafactor (Shazeer & Stern 2018), so that one rate suits
   * layers of any scale. @default true for 'adamw'
   */
  relative?: boolean
}

export type ResolvedOptimizer = Required<OptimizerOptions>

export function resolveOptimizer(owner: string, given: OptimizerOptions): ResolvedOptimizer {
  const { optimizer = 'adamw', momentum = 0.9, betas = [0.9, 0.999], weightDecay = 0, relative = optimizer === 'adamw' } = given
  if (optimizer !== 'adamw' && optimizer !== 'sgd') throw invalidOption(owner, 'optimizer', "'adamw' or 'sgd'", optimizer)
  const inUnit = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value < 1
  if (!inUnit(momentum)) throw invalidOption(owner, 'momentum', 'a number in [0, 1)', momentum)
  if (!Array.isArray(betas) || betas.length !== 2 || !betas.every(inUnit))
    throw invalidOption(owner, 'betas', 'two numbers in [0, 1)', betas)
  if (!(typeof weightDecay === 'number' && weightDecay >= 0 && Number.isFinite(weightDecay)))
    throw invalidOption(owner, 'weightDecay', 'a number of at least 0', weightDecay)
  return { optimizer, momentum, betas, weightDecay, relative }
}

export function createOptimizer(options: ResolvedOptimizer): Optimizer {
  const direction = options.optimizer === 'sgd' ? momentumOf(options) : adamOf(options)
  return {
    step(parameter, gradient, rate) {
      const { values, mask, domain } = parameter
      if (domain === 'logarithm') for (let at = 0; at < values.length; at++) gradient[at]! *= values[at]!
      parameter.steps++
      const moves = direction(parameter, gradient)
      if (domain === 'logarithm') {
        for (let at = 0; at < values.length; at++) values[at]! *= Math.exp(-rate * moves[at]!)
        return
      }
      const units = options.relative ? unitsOf(parameter) : ONE
      const groups = units.length > 1 ? parameter.groups : undefined
      const kept = parameter.decays ? 1 - rate * options.weightDecay : 1
      for (let at = 0; at < values.length; at++)
        if (!mask || mask[at] === 1) values[at] = kept * values[at]! - rate * units[groups ? groups[at]! : 0]! * moves[at]!
    },
  }
}

/** Of parameters that are zero or nearly so, such as fresh biases: Adafactor's second epsilon. */
const LEAST_SCALE = 1e-3

const ONE = Float32Array.of(1)

/** The root mean square of each group, or what stands for it. */
function unitsOf({ values, groups, unit }: Parameter): Float32Array {
  if (unit !== undefined) return Float32Array.of(Math.max(unit, LEAST_SCALE))
  const count = groups ? groups[groups.length - 1]! + 1 : 1
  const [squares, sizes] = [new Float32Array(count), new Float32Array(count)]
  for (let at = 0; at < values.length; at++) {
    const group = groups ? groups[at]! : 0
    squares[group]! += values[at]! * values[at]!
    sizes[group]!++
  }
  return squares.map((sum, group) => Math.max(Math.sqrt(sum / Math.max(1, sizes[group]!)), LEAST_SCALE))
}

type Direction = (parameter: Parameter, gradient: Float32Array) => Float32Array

/** Heavy ball (Polyak 1964): the moves are the sum of gradients that fade. */
function momentumOf({ momentum }: ResolvedOptimizer): Direction {
  return ({ state, values }, gradient) => {
    const velocity = (state.velocity ??= new Float32Array(values.length))
    for (let at = 0; at < velocity.length; at++) velocity[at] = momentum * velocity[at]! + gradient[at]!
    return velocity
  }
}

/** AdamW (Loshchilov & Hutter 2019). */
function adamOf({ betas: [first, second] }: ResolvedOptimizer): Direction {
  return ({ state, values, steps }, gradient) => {
    const mean = (state.mean ??= new Float32Array(values.length))
    const square = (state.square ??= new Float32Array(values.length))
    const [firstRest, secondRest] = [1 - first ** steps, 1 - second ** steps]
    for (let at = 0; at < mean.length; at++) {
      const slope = gradient[at]!
      mean[at] = first * mean[at]! + (1 - first) * slope
      square[at] = second * square[at]! + (1 - second) * slope * slope
      gradient[at] = mean[at]! / firstRest / (Math.sqrt(square[at]! / secondRest) + EPSILON)
    }
    return gradient
  }
}

const EPSILON = 1e-8

/** Scales gradients down together where their norm is above `limit` (Pascanu, Mikolov & Bengio 2013), and gives the norm that they had. */
export function clipNorm(gradients: readonly Float32Array[], limit: number): number {
  let sum = 0
  for (const gradient of gradients) for (const slope of gradient) sum += slope * slope
  const norm = Math.sqrt(sum)
  if (norm > limit) {
    const factor = limit / norm
    for (const gradient of gradients) for (let at = 0; at < gradient.length; at++) gradient[at]! *= factor
  }
  return norm
}

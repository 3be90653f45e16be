import { damped } from '@whittle/statistics'
import { type Form, type FormName, type Kernel, type Problem, product } from './form.ts'
import { type Moments, type Spectrum, lowRank, tail } from './low-rank.ts'
import { type Matrix, matrixOf, multiply } from './matrix.ts'
import { project } from './project.ts'

/** The ways to write a layer as several, with what each rank loses of it. @param wanted of a convolution with taps. */
export function formsOf(problem: Problem, wanted: 'auto' | FormName): { forms: Form[]; spectrum: Spectrum } {
  const { kernel, weights, moments } = problem
  const spectrum = lowRank(weights, moments)
  if (product(kernel.extents) === 1) return { forms: [outputForm('matrix', kernel, spectrum)], spectrum }
  const forms: Form[] = []
  if (wanted === 'auto' || wanted === 'channel') forms.push(channelForm(problem, spectrum))
  if ((wanted === 'auto' || wanted === 'spatial') && kernel.extents.filter((extent) => extent > 1).length === 2)
    forms.push(spatialForm(problem))
  if (wanted === 'auto' || wanted === 'output') forms.push(outputForm('output', kernel, spectrum))
  return { forms, spectrum }
}

/** Fewer outputs, then a matrix that makes all of them: exactly the least loss (Zhang et al. 2016). For matrices the only form. */
function outputForm(name: FormName, { outputs, inputs, extents }: Kernel, spectrum: Spectrum): Form {
  const { energies } = spectrum
  const ones = extents.map(() => 1)
  const dims = ([rank]: readonly number[]): number[][] => [
    [rank!, inputs, ...extents],
    [outputs, rank!, ...ones],
  ]
  return {
    name,
    full: [energies.length],
    dims,
    lost: ([rank]) => tail(energies, rank!),
    solve(ranks, now) {
      const { first, second } = (now ? lowRank(now.weights, now.moments) : spectrum).factors(ranks[0]!)
      const [before, after] = dims(ranks)
      return {
        stages: [
          { dims: before!, data: first.data },
          { dims: after!, data: second.data },
        ],
        dense: multiply(second, first),
      }
    },
  }
}

/**
 * Fewer inputs, a kernel between fewer channels, all outputs: Tucker-2 (Kim et al. 2016). The inputs' axes are those of the higher-order singular value
 * decomposition in the norm of the inputs' moments; the rest is the best for them.
 */
function channelForm(seen: Problem, { energies }: Spectrum): Form {
  const { outputs, inputs, extents } = seen.kernel
  const taps = product(extents)
  const ones = extents.map(() => 1)
  const alongInputs = ({ weights, moments }: Problem): Spectrum => lowRank(byInput(weights, inputs), meanMoments(inputs, taps, moments))
  const before = alongInputs(seen)
  const dims = ([from, to]: readonly number[]): number[][] => [
    [from!, inputs, ...ones],
    [to!, from!, ...extents],
    [outputs, to!, ...ones],
  ]
  return {
    name: 'channel',
    full: [before.energies.length, energies.length],
    dims,
    // The bound of Tucker's decomposition: what is lost along each axis, added up.
    lost: ([from, to]) => Math.min(1, tail(before.energies, from!) + tail(energies, to!)),
    solve(ranks, now) {
      const problem = now ?? seen
      const [from, to] = ranks as [number, number]
      const { first: axes } = (now ? alongInputs(now) : before).factors(from)
      const reduction = alongTaps(axes, taps)
      const reduced = project(problem.weights, reduction, problem.moments)
      const { first: core, second } = lowRank(reduced.weights, reduced.moments).factors(to)
      const [a, b, c] = dims(ranks)
      return {
        stages: [
          { dims: a!, data: axes.data },
          { dims: b!, data: core.data },
          { dims: c!, data: second.data },
        ],
        dense: multiply(second, multiply(core, reduction)),
      }
    },
  }
}

/**
 * A column of the kernel, then a row of it (Jaderberg, Vedaldi & Zisserman 2014, scheme 2). The columns are the best with the moments along a column,
 * the rows the best for them.
 */
function spatialForm(seen: Problem): Form {
  const { outputs, inputs, extents } = seen.kernel
  const long = extents.map((extent, axis) => (extent > 1 ? axis : -1)).filter((axis) => axis >= 0) as [number, number]
  const [height, width] = [extents[long[0]]!, extents[long[1]]!]
  const shape = (axis: number): number[] => extents.map((extent, at) => (at === axis ? extent : 1))
  const alongColumns = ({ weights, moments }: Problem): Spectrum =>
    lowRank(byColumn(weights, width), meanMoments(inputs * height, width, moments))
  const columns = alongColumns(seen)
  const dims = ([rank]: readonly number[]): number[][] => [
    [rank!, inputs, ...shape(long[0])],
    [outputs, rank!, ...shape(long[1])],
  ]
  return {
    name: 'spatial',
    full: [columns.energies.length],
    dims,
    lost: ([rank]) => tail(columns.energies, rank!),
    solve(ranks, now) {
      const problem = now ?? seen
      const { first } = (now ? alongColumns(now) : columns).factors(ranks[0]!)
      const reduction = alongTaps(first, width)
      const rows = project(problem.weights, reduction, problem.moments).weights
      const [a, b] = dims(ranks)
      return {
        stages: [
          { dims: a!, data: first.data },
          { dims: b!, data: rows.data },
        ],
        dense: multiply(rows, reduction),
      }
    },
  }
}

/** [outputs, inputs, taps] as (outputs times taps) x inputs. */
function byInput({ rows: outputs, columns, data }: Matrix, inputs: number): Matrix {
  const taps = columns / inputs
  const result = matrixOf(outputs * taps, inputs)
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let tap = 0; tap < taps; tap++) result.data[(o * taps + tap) * inputs + i] = data[o * columns + i * taps + tap]!
  return result
}

/** [outputs, inputs times height, width] as (outputs times width) x (inputs times height). */
function byColumn(weights: Matrix, width: number): Matrix {
  return byInput(weights, weights.columns / width)
}

/** The moments of the inputs without their taps: the mean over those. */
function meanMoments(size: number, taps: number, moments: Moments | undefined): Moments | undefined {
  if (!moments) return undefined
  const all = size * taps
  const mean = new Float64Array(size * size)
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++)
      for (let tap = 0; tap < taps; tap++) mean[i * size + j]! += moments.matrix[(i * taps + tap) * all + j * taps + tap]! / taps
  const { matrix, factor } = damped(size, mean, 0)
  return { matrix, lower: factor }
}

/** The same rows at each of the taps: (rows times taps) x (columns times taps). */
function alongTaps({ rows, columns, data }: Matrix, taps: number): Matrix {
  const result = matrixOf(rows * taps, columns * taps)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      for (let tap = 0; tap < taps; tap++)
        result.data[(row * taps + tap) * columns * taps + column * taps + tap] = data[row * columns + column]!
  return result
}

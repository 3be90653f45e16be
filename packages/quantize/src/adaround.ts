import { type Engine, Model, Tensor } from '@whittle/ir'
import type { Moments } from '@whittle/statistics'

/** Steps of Adam, and the first of them which only fit. */
const STEPS = 500
const WARM_UP = 100
const LEARNING_RATE = 0.05
/** Weight of the term that drives roundings to 0 or 1, where a weight's own error has weight 1. */
const LAMBDA = 0.05
/** Products of so many multiplications are quicker here than on the way to the engine. */
const SMALL = 50_000
/** Of the rectified sigmoid: it reaches 0 and 1. */
const [LOW, HIGH] = [-0.1, 1.1]
/** The exponent of that term, from the end of the warm-up on to the last step. */
const [BETA_FIRST, BETA_LAST] = [20, 2]

/**
 * AdaRound (Nagel et al. 2020, "Up or down? Adaptive rounding for post-training quantization"): whether each weight is rounded down or up is
 * relaxed to a rectified sigmoid, and learned so that the squared error of the layer's output, `(w - s q)' H (w - s q)` with the second moment
 * H of its inputs, is least. Large products with H run in the engine.
 * @param rows weights by output channel, each as long as `moments.size`.
 * @param scales of the rows.
 * @param max the greatest integer.
 * @returns whole numbers in [-max, max]; a row never errs more than with the nearest.
 */
export async function adaRound(
  rows: readonly Float32Array[],
  scales: Float32Array,
  moments: Moments,
  max: number,
  engine: Engine,
): Promise<Int8Array[]> {
  const { size, matrix } = moments
  const count = rows.length * size
  let mean = 0
  for (let i = 0; i < size; i++) mean += matrix[i * size + i]! / size
  const scaled = new Float32Array(count)
  const logits = new Float32Array(count)
  const fixed = new Uint8Array(count)
  rows.forEach((row, index) => {
    for (let at = index * size, i = 0; i < size; i++, at++) {
      const item = Math.max(-max, Math.min(max, row[i]! / scales[index]!))
      scaled[at] = item
      // Pruned weights stay 0, and whole ones as they are.
      fixed[at] = item === Math.floor(item) ? 1 : 0
      logits[at] = inverseSigmoid((item - Math.floor(item) - LOW) / (HIGH - LOW))
    }
  })
  const [first, second] = [new Float32Array(count), new Float32Array(count)]
  const errors = new Float32Array(count)
  const scaledMatrix = matrix.map((item) => item / mean)
  const inEngine = count * size > SMALL ? await engine.open(productModel(size, scaledMatrix)) : undefined
  const product = async (): Promise<Float32Array> => {
    if (!inEngine) return productOf(errors, scaledMatrix, size)
    return (await inEngine.run({ errors: Tensor.float32([rows.length, size], errors) }))['product']!.toFloat32()
  }
  for (let step = 1; step <= STEPS; step++) {
    for (let at = 0; at < count; at++) errors[at] = fixed[at] ? 0 : scaled[at]! - Math.floor(scaled[at]!) - rectified(logits[at]!)
    const gradients = await product()
    const beta = BETA_FIRST + (BETA_LAST - BETA_FIRST) * Math.max(0, (step - WARM_UP) / (STEPS - WARM_UP))
    const lambda = step > WARM_UP ? LAMBDA : 0
    const [bias1, bias2] = [1 - 0.9 ** step, 1 - 0.999 ** step]
    for (let at = 0; at < count; at++) {
      if (fixed[at]) continue
      const sigmoid = 1 / (1 + Math.exp(-logits[at]!))
      const up = Math.max(0, Math.min(1, sigmoid * (HIGH - LOW) + LOW))
      // Where the sigmoid is cut off it is flat.
      if (up <= 0 || up >= 1) continue
      const far = 2 * up - 1
      const pull = -2 * gradients[at]! - lambda * 2 * beta * Math.abs(far) ** (beta - 1) * Math.sign(far)
      const gradient = pull * sigmoid * (1 - sigmoid) * (HIGH - LOW)
      first[at] = 0.9 * first[at]! + 0.1 * gradient
      second[at] = 0.999 * second[at]! + 0.001 * gradient * gradient
      logits[at]! -= (LEARNING_RATE * (first[at]! / bias1)) / (Math.sqrt(second[at]! / bias2) + 1e-8)
    }
  }
  const learned = scaled.map((item, at) => (fixed[at] ? item : Math.floor(item) + (rectified(logits[at]!) >= 0.5 ? 1 : 0)))
  const nearest = scaled.map((item) => Math.round(item))
  const costs: Float64Array[] = []
  for (const integers of [learned, nearest]) {
    rows.forEach((row, index) => {
      for (let at = index * size, i = 0; i < size; i++, at++) errors[at] = row[i]! / scales[index]! - integers[at]!
    })
    const product_ = await product()
    costs.push(Float64Array.from(rows, (_, index) => dot(errors, product_, index * size, size)))
  }
  await inEngine?.dispose()
  return rows.map((_, index) => {
    const better = costs[0]![index]! < costs[1]![index]! ? learned : nearest
    return Int8Array.from(better.subarray(index * size, (index + 1) * size))
  })
}

/** The same here. */
function productOf(errors: Float32Array, matrix: Float32Array, size: number): Float32Array {
  const result = new Float32Array(errors.length)
  for (let start = 0; start < errors.length; start += size)
    for (let i = 0; i < size; i++) {
      const error = errors[start + i]!
      if (error !== 0) for (let j = 0; j < size; j++) result[start + j]! += error * matrix[i * size + j]!
    }
  return result
}

/** `errors` [rows, size] times a constant matrix. */
function productModel(size: number, matrix: Float32Array): Model {
  const model = new Model()
  const { graph } = model
  const errors = graph.addInput('errors', 'float32', ['rows', size])
  const constant = graph.addInitializer('matrix', Tensor.float32([size, size], matrix))
  const { output } = graph.addNode({ op: 'MatMul', inputs: [errors, constant], outputs: ['product'] })
  output.elementType = 'float32'
  output.shape = ['rows', size]
  graph.addOutput(output)
  return model
}

function rectified(logit: number): number {
  return Math.max(0, Math.min(1, (HIGH - LOW) / (1 + Math.exp(-logit)) + LOW))
}

function inverseSigmoid(value: number): number {
  return Math.log(value / (1 - value))
}

function dot(a: Float32Array, b: Float32Array, start: number, size: number): number {
  let sum = 0
  for (let at = start; at < start + size; at++) sum += a[at]! * b[at]!
  return sum
}

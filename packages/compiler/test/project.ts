import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Model, Tensor, createRandom } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { buildModel } from '@whittle/testing'
import { onTestFinished } from 'vitest'

/** A folder that is gone when the test ends, with files in it. */
export async function project(files: Record<string, string | Uint8Array | Model>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'whittle-compiler-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files))
    await writeFile(join(root, name), typeof content === 'string' || content instanceof Uint8Array ? content : writeOnnx(content))
  return root
}

/** A network of dense convolutions, wide enough that wasm is faster with it in int8. */
export function wideNet(): Model {
  return buildModel((b) => {
    let x = b.input('x', ['N', 64, 8, 8])
    for (let layer = 0; layer < 2; layer++) {
      const conv = b.node('Conv', [x, b.weight(`w${layer}`, [64, 64, 3, 3]), b.weight(`b${layer}`, [64], 0.1)], { pads: [1, 1, 1, 1] })
      x = b.node('Relu', [conv])
    }
    b.output(b.node('Gemm', [b.node('Flatten', [b.node('GlobalAveragePool', [x])]), b.weight('fc', [64, 10])]), 'y')
  })
}

/** A module of samples for {@link wideNet}. */
export const wideSamples = samplesOf('x', [1, 64, 8, 8])

/** The text of a dataset module: 8 samples of seeded normal numbers. */
export function samplesOf(name: string, dims: number[]): string {
  return `
import { Tensor, createRandom } from '@whittle/ir'
const dims = ${JSON.stringify(dims)}
export default {
  key: 'test',
  length: 8,
  async *samples() {
    for (let i = 0; i < 8; i++) {
      const random = createRandom('sample' + i)
      const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal())
      yield { inputs: { ${name}: Tensor.float32(dims, data) } }
    }
  },
}
`
}

/** Six layers from 16 numbers to the probabilities, or without a Softmax the scores, of 6 classes; small changes of a weight grow from layer to layer. */
export function classifier(last: 'Softmax' | 'Identity' = 'Softmax'): Model {
  return buildModel((b) => {
    let x = b.input('x', ['N', 16])
    for (let layer = 0; layer < 5; layer++) {
      const size = layer === 0 ? 16 : 48
      x = b.node('Tanh', [b.node('Gemm', [x, b.weight(`w${layer}`, [size, 48], 1.5 / Math.sqrt(size)), b.weight(`b${layer}`, [48], 0.1)])])
    }
    b.output(b.node(last, [b.node('Gemm', [x, b.weight('w', [48, 6])])]), 'classes')
  })
}

export interface Pictures {
  /** Other seeds give other samples. */
  seed: string
  count: number
  /** The class of each sample. */
  labels?: readonly number[]
}

/** What {@link picturesModule} yields. */
export function pictures({ seed, count }: Pictures): Tensor[] {
  return Array.from({ length: count }, (_, i) => {
    const random = createRandom(seed + i)
    return Tensor.float32(
      [1, 16],
      Float32Array.from({ length: 16 }, () => random.normal()),
    )
  })
}

/** The text of a dataset module for {@link classifier}. */
export function picturesModule({ seed, count, labels }: Pictures): string {
  return `
import { Tensor, createRandom } from '@whittle/ir'
const labels: number[] | undefined = ${JSON.stringify(labels)}
export default {
  key: '${seed}',
  length: ${count},
  async *samples() {
    for (let i = 0; i < ${count}; i++) {
      const random = createRandom('${seed}' + i)
      yield { inputs: { x: Tensor.float32([1, 16], Float32Array.from({ length: 16 }, () => random.normal())) }, label: labels?.[i] }
    }
  },
}
`
}

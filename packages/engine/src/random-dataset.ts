import { createHash } from 'node:crypto'
import { type Dataset, type ElementType, type Random, Tensor, UnsupportedError, createRandom, kindOf } from '@whittle/ir'
import type { Port } from './ports.ts'

export interface RandomDatasetOptions {
  /** Sizes of free dimensions, by their name. */
  dims?: Readonly<Record<string, number>>
}

/** What a free dimension gets that nothing else says: the first axis is a batch. */
const FREE_DIM = 64

/**
 * Seeded random samples that fit a model's inputs, for where there are no real ones: standard normal floats, whole numbers from 0 to 9,
 * bytes from 0 to 255, and bools. A free dimension is 1 on the first axis, else 64, if `dims` does not name it.
 * @throws {UnsupportedError} for an input of unknown type or rank, or of strings.
 */
export function randomDataset(inputs: readonly Port[], count: number, seed: string | number, options: RandomDatasetOptions = {}): Dataset {
  const ports = inputs.map((port) => ({ name: port.name, type: typeOf(port), dims: sizesOf(port, options.dims ?? {}) }))
  return {
    key: `random:${seed}:${count}:${createHash('sha256').update(JSON.stringify(ports)).digest('hex').slice(0, 16)}`,
    length: count,
    async *samples() {
      for (let index = 0; index < count; index++) {
        const random = createRandom(`${seed}/${index}`)
        yield {
          inputs: Object.fromEntries(ports.map(({ name, type, dims }) => [name, fill(type, dims, random.fork(name))])),
        }
      }
    },
  }
}

function typeOf(port: Port): ElementType {
  if (port.elementType === undefined || kindOf(port.elementType) === 'string' || kindOf(port.elementType) === 'complex')
    throw new UnsupportedError(
      'RANDOM_INPUT',
      `input '${port.name}' is ${port.elementType ?? 'of unknown type'}, for which no random data can be made; give a dataset`,
    )
  return port.elementType
}

function sizesOf(port: Port, sizes: Readonly<Record<string, number>>): number[] {
  if (!port.dims)
    throw new UnsupportedError('RANDOM_INPUT', `input '${port.name}' has no rank, so that no random data can be made; give a dataset`)
  return port.dims.map((dim, axis) => (typeof dim === 'number' ? dim : (sizes[dim] ?? (axis === 0 ? 1 : FREE_DIM))))
}

function fill(type: ElementType, dims: number[], random: Random): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1)
  const next = {
    float: () => random.normal(),
    bool: () => random.integer(2),
    uint: () => random.integer(256),
    int: () => random.integer(10),
  }
  const kind = kindOf(type) as keyof typeof next
  const below10 = kind === 'uint' && type !== 'uint8'
  return Tensor.of(type, dims, Array.from({ length: size }, below10 ? next.int : next[kind]))
}

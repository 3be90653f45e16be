import { type ElementType, type Graph, type Node, type Quantization, Tensor, UnsupportedError, type Value } from '@whittle/ir'
import type { Attributes } from '../run/program.ts'
import { type Stored, permutedWeight } from './stored.ts'

/** A value of the program while it is written: weights are negative, -1 the first; inputs and steps count from 0. */
export type Ref = number

/** How the elements of a tensor lie in memory: as in the model, or with the axis of channels (1) last. */
export type Order = 'plain' | 'last'

/** A weight and the dims in which steps read it. */
export interface Weight extends Stored {
  readonly name: string
  readonly dims: readonly number[]
}

/** What a value of the model is in the program. */
interface Forms {
  plain?: Ref
  last?: Ref
  /** Whole numbers outside of the WebAssembly's memory. */
  ints?: Ref
}

export class ProgramWriter {
  readonly graph: Graph
  readonly steps: [kernel: string, inputs: (Ref | null)[], attributes: Attributes][] = []
  readonly weights: Weight[] = []
  readonly inputs: Value[] = []
  /** Nodes that an earlier one has taken in. */
  readonly fused = new Set<Node>()
  readonly #forms = new Map<Value, Forms>()

  constructor(graph: Graph) {
    this.graph = graph
    for (const value of graph.inputs.filter(({ tensor }) => !tensor)) {
      this.#forms.set(value, { plain: this.inputs.length })
      this.inputs.push(value)
    }
  }

  /** Adds a call. */
  emit(kernel: string, inputs: readonly (Ref | null | undefined)[], attributes: Record<string, Attributes[string] | undefined> = {}): Ref {
    const given = Object.entries(attributes).filter(([, value]) => value !== undefined)
    this.steps.push([kernel, inputs.map((input) => input ?? null), Object.fromEntries(given) as Attributes])
    return this.inputs.length + this.steps.length - 1
  }

  /** Says what gives a value of the model. */
  give(value: Value, ref: Ref, form: Order | 'ints'): void {
    this.#forms.set(value, { ...this.#forms.get(value), [form]: ref })
  }

  /** Whether a value is there in an order already. */
  has(value: Value, form: Order | 'ints'): boolean {
    return this.#forms.get(value)?.[form] !== undefined
  }

  /** A value with its axes as in the model. */
  plain(value: Value): Ref {
    const forms = this.#formsOf(value)
    if (forms.plain === undefined) {
      if (value.tensor) forms.plain = this.#constant(value, value.tensor, value.quantization)
      else if (forms.ints !== undefined) forms.plain = this.emit('Upload', [forms.ints])
      else forms.plain = this.emit('Transpose', [this.#known(value, forms.last)], { perm: firstOf(this.rank(value)) })
    }
    return forms.plain
  }

  /** A value of three axes or more with its axis 1 last. */
  last(value: Value): Ref {
    const forms = this.#formsOf(value)
    if (forms.last === undefined) {
      const perm = lastOf(this.rank(value))
      if (value.tensor) {
        const stored = permutedWeight({ tensor: value.tensor, quantization: value.quantization }, perm)
        forms.last = this.#constant(value, stored.tensor, stored.quantization)
      } else forms.last = this.emit('Transpose', [this.plain(value)], { perm })
    }
    return forms.last
  }

  in(value: Value, order: Order): Ref {
    return order === 'last' ? this.last(value) : this.plain(value)
  }

  /** Whole numbers: constants and what is computed of shapes; others are fetched from memory. */
  ints(value: Value): Ref {
    const forms = this.#formsOf(value)
    if (forms.ints === undefined)
      forms.ints = value.tensor
        ? this.emit('Ints', [], { values: value.tensor.toNumbers(), shape: value.tensor.dims.length === 1 ? undefined : value.tensor.dims })
        : this.emit('Download', [this.plain(value)])
    return forms.ints
  }

  /** A constant that is stored. */
  weight(name: string, tensor: Tensor, dims: readonly number[] = tensor.dims, quantization?: Quantization): Ref {
    return -this.weights.push({ name: this.#nameOf(name), tensor, dims, quantization })
  }

  /** One number as a tensor without dims. */
  scalar(number: number): Ref {
    const name = `scalar ${number}`
    const at = this.weights.findIndex((weight) => weight.name === name)
    return at >= 0 ? -(at + 1) : this.weight(name, Tensor.float32([], [number]))
  }

  /** A constant of one element, without dims. */
  scalarOf(value: Value): Ref {
    return this.scalar(value.tensor!.toNumbers()[0]!)
  }

  /** A constant in other dims of as many elements, and then with its axes in another order. */
  reordered({ name, tensor, quantization }: Value, dims: readonly number[], perm: readonly number[]): Ref {
    const moved = permutedWeight(
      { tensor: tensor!.reshape(dims), quantization: dims.length === tensor!.dims.length ? quantization : undefined },
      perm,
    )
    return this.#constantOf(name, moved.tensor, moved.quantization)
  }

  /** How many axes a value has. @throws {UnsupportedError} where that is not known. */
  rank(value: Value): number {
    const rank = value.tensor?.dims.length ?? value.shape?.length
    if (rank === undefined) throw unsupported(`how many axes '${value.name}' has is not known`)
    return rank
  }

  #formsOf(value: Value): Forms {
    const forms = this.#forms.get(value) ?? {}
    this.#forms.set(value, forms)
    return forms
  }

  #known(value: Value, ref: Ref | undefined): Ref {
    if (ref === undefined) throw unsupported(`nothing gives '${value.name}'`)
    return ref
  }

  #constant(value: Value, tensor: Tensor, quantization: Quantization | undefined): Ref {
    return this.#constantOf(value.name, tensor, quantization)
  }

  #constantOf(name: string, tensor: Tensor, quantization: Quantization | undefined): Ref {
    const type = memoryType(tensor.type)
    return this.weight(name, tensor.type === type ? tensor : Tensor.of(type, tensor.dims, tensor.toNumbers()), tensor.dims, quantization)
  }

  #nameOf(name: string): string {
    const taken = (candidate: string): boolean => this.weights.some((weight) => weight.name === candidate)
    let unique = name
    for (let at = 2; taken(unique); at++) unique = `${name}_${at}`
    return unique
  }
}

/** The element type in the WebAssembly's memory. */
export function memoryType(type: ElementType | undefined): 'float32' | 'int32' | 'bool' {
  switch (type) {
    case 'float32':
    case 'float16':
      return 'float32'
    case 'bool':
      return 'bool'
    case 'int64':
    case 'int32':
    case 'uint8':
    case 'int8':
      return 'int32'
    default:
      throw unsupported(`its kernels know no ${type ?? 'unknown type'}`)
  }
}

/** Axes in the order that puts axis 1 last, and back. */
export function lastOf(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, at) => at + 2), 1]
}

export function firstOf(rank: number): number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, at) => at + 1)]
}

/** Where an axis of the model lies in an order. */
export function axisIn(axis: number, rank: number, order: Order): number {
  const at = axis < 0 ? axis + rank : axis
  return order === 'plain' ? at : lastOf(rank).indexOf(at)
}

/** @param why what the small runtime cannot do, as the end of a sentence. */
export function unsupported(why: string): UnsupportedError {
  return new UnsupportedError('TFJS_PROGRAM', `the model cannot run on TensorFlow.js: ${why}`)
}

/** The only reader of a value, where it has one and no graph gives it out. */
export function onlyReader(value: Value): Node | undefined {
  return value.isOutput || value.uses.length !== 1 ? undefined : value.uses[0]!.node
}

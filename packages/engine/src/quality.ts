import { DatasetError, type Tensor, type Tensors } from '@whittle/ir'

/** How far an output is from the reference's, over all samples that were added. */
export interface OutputQuality {
  /** Signal to quantization noise ratio, 10 log10(sum of squares of the reference / sum of squares of the difference), in dB; null when equal. */
  readonly sqnr: number | null
  /** Cosine similarity of all elements as one vector; 1 when both are zero. */
  readonly cosine: number
  /** The greatest absolute difference, in the output's own unit. */
  readonly maxAbs: number
  /** Whether every element is finite, of the reference and of what is judged. */
  readonly finite: { readonly reference: boolean; readonly actual: boolean }
}

/** The least SQNR that is reported: a zero reference, or a NaN or infinity that the reference does not have. */
export const WORST_SQNR = -200

/** Sums over the elements of one output, sample after sample. */
class OutputMeter {
  #signal = 0
  #noise = 0
  #actual = 0
  #dot = 0
  #maxAbs = 0
  #broken = false
  #finite = { reference: true, actual: true }

  add(name: string, reference: Tensor, actual: Tensor): void {
    if (reference.dims.join() !== actual.dims.join())
      throw new DatasetError(
        'OUTPUT_SHAPE',
        `output '${name}' has shape [${actual.dims.join(', ')}], the reference's has [${reference.dims.join(', ')}]; they cannot be compared`,
      )
    if (reference.type === 'string' || actual.type === 'string') return this.#addStrings(name, reference, actual)
    const expected = elementsOf(reference)
    const given = elementsOf(actual)
    for (let i = 0; i < expected.length; i++) this.#addElement(Number(expected[i]), Number(given[i]))
  }

  #addElement(expected: number, given: number): void {
    if (!Number.isFinite(expected)) this.#finite.reference = false
    if (!Number.isFinite(given)) this.#finite.actual = false
    if (!Number.isFinite(expected) || !Number.isFinite(given)) {
      if (!Object.is(expected, given)) this.#broken = true
      return
    }
    const difference = expected - given
    this.#signal += expected * expected
    this.#actual += given * given
    this.#dot += expected * given
    this.#noise += difference * difference
    this.#maxAbs = Math.max(this.#maxAbs, Math.abs(difference))
  }

  /** Strings are equal or not: 1 for each, against 0 where they differ. */
  #addStrings(name: string, reference: Tensor, actual: Tensor): void {
    if (reference.type !== actual.type)
      throw new DatasetError(
        'OUTPUT_TYPE',
        `output '${name}' is ${actual.type}, the reference's is ${reference.type}; they cannot be compared`,
      )
    const given = actual.strings()
    reference.strings().forEach((text, index) => this.#addElement(1, text === given[index] ? 1 : 0))
  }

  result(): OutputQuality {
    const norm = Math.sqrt(this.#signal) * Math.sqrt(this.#actual)
    const bothZero = this.#signal === 0 && this.#actual === 0
    return {
      sqnr: this.#sqnr(),
      cosine: this.#broken ? 0 : bothZero ? 1 : norm === 0 ? 0 : Math.max(-1, Math.min(1, this.#dot / norm)),
      maxAbs: this.#broken ? Infinity : this.#maxAbs,
      finite: { ...this.#finite },
    }
  }

  #sqnr(): number | null {
    if (this.#broken) return WORST_SQNR
    if (this.#noise === 0) return this.#maxAbs === 0 ? null : -WORST_SQNR
    if (this.#signal === 0) return WORST_SQNR
    return Math.max(WORST_SQNR, 10 * Math.log10(this.#signal / this.#noise))
  }
}

/** Compares the outputs of two models over any number of samples, holding sums only. */
export class QualityMeter {
  readonly #outputs = new Map<string, OutputMeter>()
  #count = 0

  /** Samples that were added. */
  get count(): number {
    return this.#count
  }

  /** @throws {DatasetError} when an output of the reference is missing, or has another shape. */
  add(reference: Tensors, actual: Tensors): void {
    for (const [name, expected] of Object.entries(reference)) {
      const given = actual[name]
      if (!given)
        throw new DatasetError(
          'OUTPUT_MISSING',
          `output '${name}' of the reference is missing; the other model gives ${
            Object.keys(actual)
              .map((other) => `'${other}'`)
              .join(', ') || 'nothing'
          }`,
        )
      let meter = this.#outputs.get(name)
      if (!meter) this.#outputs.set(name, (meter = new OutputMeter()))
      meter.add(name, expected, given)
    }
    this.#count++
  }

  /** By output name, in the order of the reference's outputs. */
  result(): Record<string, OutputQuality> {
    return Object.fromEntries([...this.#outputs].map(([name, meter]) => [name, meter.result()]))
  }
}

/** Compares two tensors of one shape. @throws {DatasetError} when their shapes differ. */
export function compareOutputs(reference: Tensor, actual: Tensor): OutputQuality {
  const meter = new OutputMeter()
  meter.add('output', reference, actual)
  return meter.result()
}

function elementsOf(tensor: Tensor): ArrayLike<number | bigint> {
  switch (tensor.type) {
    case 'float16':
    case 'bfloat16':
      return tensor.toFloat32()
    case 'int4':
    case 'uint4':
      return tensor.toNumbers()
    default:
      return tensor.data()
  }
}

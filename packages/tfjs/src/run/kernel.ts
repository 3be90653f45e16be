import type { Machine, Tensor, Value } from './machine.ts'
import type { Attributes } from './program.ts'

/**
 * Computes one value.
 * @param name the kernel's name in the program: one function serves all kernels that are called alike.
 */
export type Kernel = (machine: Machine, name: string, inputs: readonly (Value | null)[], attributes: Attributes) => Value

/** An input that is a tensor in the WebAssembly's memory; whole numbers are moved there (and stay until the program is left). */
export function tensorOf(value: Value | null | undefined): Tensor {
  if (!value || value.ints) throw new Error('a tensor was expected')
  return value
}

export function intsOf(value: Value | null | undefined): readonly number[] {
  if (!value?.ints) throw new Error('whole numbers were expected')
  return value.ints
}

/** An attribute that is a list of whole numbers. */
export function listOf(attributes: Attributes, name: string): readonly number[] | undefined {
  return attributes[name] as readonly number[] | undefined
}

export function numberOf(attributes: Attributes, name: string, fallback: number): number {
  return (attributes[name] as number | undefined) ?? fallback
}

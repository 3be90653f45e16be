const scratch = new Float32Array(1)
const bits = new Uint32Array(scratch.buffer)

/** The least bfloat16 that is not below a positive `value`. */
export function roundUpToBfloat16(value: number): number {
  scratch[0] = value
  if (scratch[0]! < value) bits[0]! += 1
  if ((bits[0]! & 0xffff) !== 0) bits[0] = (bits[0]! | 0xffff) + 1
  return scratch[0]!
}

/** The nearest float32 to a positive `value` that has so many bits of mantissa, 1 to 22; the one above where two are as near. */
export function roundMantissa(value: number, mantissa: number): number {
  scratch[0] = value
  const dropped = 23 - mantissa
  bits[0] = ((bits[0]! + 2 ** (dropped - 1)) >>> dropped) << dropped
  return scratch[0]!
}

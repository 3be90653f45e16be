/** IEEE 754 binary16 and bfloat16, as bit patterns in `Uint16Array`. Rounding is to nearest, ties to even. */

const scratch = new ArrayBuffer(4)
const scratchFloat = new Float32Array(scratch)
const scratchBits = new Uint32Array(scratch)

/** The binary16 bit pattern nearest to `value`; overflow gives infinity. */
export function toFloat16Bits(value: number): number {
  scratchFloat[0] = value
  const bits = scratchBits[0]!
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00)
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude < 0x38800000) {
    // Subnormal in binary16: the value in units of 2^-24. The product is exact in a double.
    const units = Math.abs(scratchFloat[0]!) * 16777216
    const floor = Math.floor(units)
    const rest = units - floor
    return sign | (floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0))
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1)
  return sign | ((rounded - 0x38000000) >>> 13)
}

/** The value of a binary16 bit pattern. */
export function fromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The value of a bfloat16 bit pattern. */
export function fromBfloat16Bits(bits: number): number {
  scratchBits[0] = bits << 16
  return scratchFloat[0]!
}

/** The bfloat16 bit pattern nearest to `value`. */
export function toBfloat16Bits(value: number): number {
  scratchFloat[0] = value
  const bits = scratchBits[0]!
  if (Number.isNaN(value)) return 0x7fc0
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff
}

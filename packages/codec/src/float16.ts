/** Rounds float32 to float16, half to even; what is too large becomes infinite. */
export function toFloat16(values: Float32Array, out: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    const sign = (word >>> 16) & 0x8000
    const rest = word & 0x7fffffff
    let half: number
    if (rest > 0x7f800000) half = 0x7e00
    else if (rest >= 0x477ff000) half = 0x7c00
    else if (rest < 0x38800000) {
      // Below the normal numbers: steps of 2 ** -24.
      const steps = Math.abs(values[i]!) * 2 ** 24
      half = Math.floor(steps)
      const left = steps - half
      if (left > 0.5 || (left === 0.5 && half & 1)) half++
    } else half = (rest - 0x38000000 + 0xfff + ((rest >>> 13) & 1)) >>> 13
    out[i] = sign | half
  }
}

/**
 * N:M sparsity: of every `m` neighbours along the input channels, the `n` of least magnitude go (Mishra et al. 2021, "Accelerating sparse deep
 * neural networks", where 2:4 keeps 2).
 * @param outer number of elements before the axis, in row-major order: the product of the dims before it.
 * @param axis length of the axis; a last group shorter than `m` is left alone.
 * @param inner product of the dims behind it.
 */
export function patternMask(tensor: Float32Array, shape: { outer: number; axis: number; inner: number }, n: number, m: number): Uint8Array {
  const mask = new Uint8Array(tensor.length)
  const { outer, axis, inner } = shape
  const group = Array.from({ length: m }, () => 0)
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++)
      for (let start = 0; start + m <= axis; start += m) {
        for (let k = 0; k < m; k++) group[k] = (o * axis + start + k) * inner + i
        const byMagnitude = [...group].sort((a, b) => Math.abs(tensor[a]!) - Math.abs(tensor[b]!) || a - b)
        for (const index of byMagnitude.slice(0, n)) mask[index] = 1
      }
  return mask
}

/**
 * Marks the `count` elements of least magnitude, over all `tensors` together (Han et al. 2015, "Learning both weights and connections").
 * Equal magnitudes are taken in order, so that exactly `count` are marked.
 * @param tensors the weights; NaN counts as greatest.
 * @returns a mask for each tensor: 1 where the element goes.
 */
export function magnitudeMask(tensors: readonly Float32Array[], count: number): Uint8Array[] {
  const masks = tensors.map((tensor) => new Uint8Array(tensor.length))
  const total = tensors.reduce((sum, tensor) => sum + tensor.length, 0)
  if (count <= 0) return masks
  // Magnitudes order like the bits of a float without its sign, so sorting integers finds the threshold exactly.
  const keys = new Uint32Array(total)
  let offset = 0
  for (const tensor of tensors) {
    keys.set(magnitudeKeys(tensor), offset)
    offset += tensor.length
  }
  const threshold = keys.slice().sort()[Math.min(count, total) - 1]!
  let ties = count
  for (const key of keys) if (key < threshold) ties--
  offset = 0
  for (const mask of masks)
    for (let index = 0; index < mask.length; index++) {
      const key = keys[offset++]!
      if (key < threshold) mask[index] = 1
      else if (key === threshold && ties > 0) {
        mask[index] = 1
        ties--
      }
    }
  return masks
}

function magnitudeKeys(tensor: Float32Array): Uint32Array {
  return new Uint32Array(tensor.buffer.slice(tensor.byteOffset, tensor.byteOffset + tensor.byteLength)).map((bits) => bits & 0x7fffffff)
}

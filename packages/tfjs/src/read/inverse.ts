/** The order that undoes an order of axes. */
export function inverse(perm: readonly number[]): number[] {
  const result = perm.map(() => 0)
  perm.forEach((axis, index) => (result[axis] = index))
  return result
}

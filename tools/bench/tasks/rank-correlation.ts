/** Spearman's: Pearson's correlation of the ranks; equal values share their mean rank. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const [first, second] = [ranks(a), ranks(b)]
  const middle = (a.length + 1) / 2
  let [both, left, right] = [0, 0, 0]
  for (const [index, rank] of first.entries()) {
    both += (rank - middle) * (second[index]! - middle)
    left += (rank - middle) ** 2
    right += (second[index]! - middle) ** 2
  }
  return left === 0 || right === 0 ? 0 : both / Math.sqrt(left * right)
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((i, j) => values[i]! - values[j]!)
  const result = new Array<number>(values.length)
  for (let from = 0; from < order.length;) {
    let to = from
    while (to + 1 < order.length && values[order[to + 1]!] === values[order[from]!]) to++
    for (let at = from; at <= to; at++) result[order[at]!] = (from + to) / 2 + 1
    from = to + 1
  }
  return result
}

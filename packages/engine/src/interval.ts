/** Standard normal quantile of a two-sided 95 % interval. */
const Z95 = 1.959963984540054

/**
 * The 95 % score interval of a difference of paired proportions, p(second) - p(first), from the samples on which the two disagree
 * (T. Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample design",
 * Statistics in Medicine 17, 1998). Right for small numbers too, also where no sample disagrees.
 * @param gained samples that only the second has right.
 * @param lost samples that only the first has right.
 * @param n all samples.
 */
export function pairedProportionInterval(gained: number, lost: number, n: number): [low: number, high: number] {
  if (n === 0) return [-1, 1]
  const estimate = (gained - lost) / n
  const low = solve(-1, estimate, (delta) => score(gained, lost, n, delta) - Z95)
  const high = solve(estimate, 1, (delta) => score(gained, lost, n, delta) + Z95)
  return [low, high]
}

/** Tango's statistic for the hypothesis that the difference is `delta`: standard normal where that is true, falling in `delta`. */
function score(gained: number, lost: number, n: number, delta: number): number {
  // The likeliest share of lost samples where the difference is delta: the root of a quadratic (Tango's equation 6).
  const a = 2 * n
  const b = -gained - lost + (2 * n - gained + lost) * delta
  const c = -lost * delta * (1 - delta)
  const share = (Math.sqrt(Math.max(0, b * b - 4 * a * c)) - b) / (2 * a)
  const variance = n * (2 * share + delta * (1 - delta))
  const distance = gained - lost - n * delta
  return variance <= 0 ? (distance === 0 ? 0 : Math.sign(distance) * Infinity) : distance / Math.sqrt(variance)
}

/** The root of a falling function by halving. */
function solve(from: number, to: number, f: (x: number) => number): number {
  let [low, high] = [from, to]
  if (f(low) <= 0) return low
  if (f(high) >= 0) return high
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (f(middle) > 0) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** The 95 % interval of a mean of differences by Student's t. */
export function pairedMeanInterval(differences: readonly number[]): [low: number, high: number] {
  const n = differences.length
  if (n < 2) return [-Infinity, Infinity]
  const mean = differences.reduce((sum, value) => sum + value, 0) / n
  const variance = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)
  const half = studentQuantile(n - 1) * Math.sqrt(variance / n)
  return [mean - half, mean + half]
}

/** Student's two-sided 95 % quantile: exact for 1 and 2 degrees of freedom, else Cornish and Fisher's expansion about the normal's. */
function studentQuantile(freedom: number): number {
  if (freedom === 1) return 12.706204736432095
  if (freedom === 2) return 4.302652729696142
  const z = Z95
  const g1 = (z ** 3 + z) / 4
  const g2 = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96
  const g3 = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384
  const g4 = (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160
  return z + g1 / freedom + g2 / freedom ** 2 + g3 / freedom ** 3 + g4 / freedom ** 4
}

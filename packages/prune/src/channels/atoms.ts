/** Which atoms (numbered from 0) belong together, and which of these sets have to stay: disjoint sets, each pinned for a reason or free. */
export class Atoms {
  readonly #parents: Int32Array
  readonly #reasons = new Map<number, string>()

  constructor(count: number) {
    this.#parents = Int32Array.from({ length: count }, (_, index) => index)
  }

  /** The atom that stands for the set. */
  find(atom: number): number {
    const parents = this.#parents
    let at = atom
    while (parents[at] !== at) {
      parents[at] = parents[parents[at]!]!
      at = parents[at]!
    }
    return at
  }

  join(a: number, b: number): void {
    const [left, right] = [this.find(a), this.find(b)]
    if (left === right) return
    const [root, child] = left < right ? [left, right] : [right, left]
    this.#parents[child] = root
    const why = this.#reasons.get(child)
    if (why === undefined) return
    this.#reasons.delete(child)
    if (!this.#reasons.has(root)) this.#reasons.set(root, why)
  }

  /** The set of the atom has to stay; the first reason counts. */
  pin(atom: number, why: string): void {
    const root = this.find(atom)
    if (!this.#reasons.has(root)) this.#reasons.set(root, why)
  }

  /** Why the set of the atom has to stay; undefined where it need not. */
  whyPinned(atom: number): string | undefined {
    return this.#reasons.get(this.find(atom))
  }
}

/** What was worked out of bytes before: streams are written for two hosts, and once more to see whether sharing tables pays. */
export class Memo {
  #known = new WeakMap<object, Map<string, unknown>>()

  /** What `make` gives for a thing that does not change, made once for each `name`. */
  of<T>(thing: object, name: string, make: () => T): T {
    let made = this.#known.get(thing)
    if (!made) this.#known.set(thing, (made = new Map<string, unknown>()))
    if (!made.has(name)) made.set(name, make())
    return made.get(name) as T
  }

  /** Frees what was worked out of a thing. */
  forget(thing: object): void {
    this.#known.delete(thing)
  }
}

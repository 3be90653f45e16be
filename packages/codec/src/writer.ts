/** Bytes that grow. */
export class Writer {
  #bytes = new Uint8Array(256)
  length = 0

  byte(value: number): this {
    this.#room(1)
    this.#bytes[this.length++] = value
    return this
  }

  /** A whole number below 2 ** 35, 7 bits a byte, the low ones first. */
  number(value: number): this {
    for (; value >= 128; value = Math.floor(value / 128)) this.byte((value % 128) | 128)
    return this.byte(value)
  }

  /** A uint32, little-endian. */
  word(value: number): this {
    return this.byte(value & 255).byte((value >>> 8) & 255).byte((value >>> 16) & 255).byte(value >>> 24) // prettier-ignore
  }

  put(bytes: Uint8Array): this {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.length)
    this.length += bytes.length
    return this
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.length)
  }

  #room(count: number): void {
    if (this.length + count <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + count))
    grown.set(this.#bytes.subarray(0, this.length))
    this.#bytes = grown
  }
}

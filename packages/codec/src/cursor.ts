import { corrupt } from './error.ts'

/** Reads a tensor's section from front to end, and never beyond. */
export class Cursor {
  readonly bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  byte(): number {
    return this.take(1)[0]!
  }

  /** A whole number below 2 ** 35, 7 bits a byte, the low ones first. */
  number(): number {
    let value = 0
    for (let scale = 1; scale < 2 ** 35; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    throw corrupt('a number is too long')
  }

  take(count: number): Uint8Array {
    if (count > this.bytes.length - this.at) throw corrupt('a section is too short')
    return this.bytes.subarray(this.at, (this.at += count))
  }
}

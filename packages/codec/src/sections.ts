import { corrupt } from './error.ts'
import { AFFINE, PALETTE, PRELUDE, SIZES, type ElementName } from './format.ts'

/** How a tensor lies in a weight file. */
export interface Section {
  readonly name: string
  /** Of the elements once they are decoded. */
  readonly type: ElementName
  readonly dims: readonly number[]
  /** `integers` on a grid, places in a `palette`, or elements as they are. */
  readonly form: 'integers' | 'palette' | 'plain'
  /** Bits that an element needs: of its integer, or of its place in a palette; else those of its type. */
  readonly bits: number
  /** The section, scales and palette with it. */
  readonly bytes: Uint8Array
}

/**
 * The sections of a weight file that is whole and right, as `decodeWeights` proves. A tensor that is equal to an earlier one has a section of a few bytes.
 * @throws WeightFileError where the header cannot be read.
 */
export function sectionsOf(file: Uint8Array): Section[] {
  const length = new DataView(file.buffer, file.byteOffset).getUint32(12, true)
  let entries: [name: string, type: ElementName, dims: number[], length: number][]
  try {
    entries = (JSON.parse(new TextDecoder().decode(file.subarray(PRELUDE, PRELUDE + length))) as [unknown, typeof entries])[1]
  } catch {
    throw corrupt('its header cannot be read')
  }
  let at = PRELUDE + length
  return entries.map(([name, type, dims, size]) => {
    const bytes = file.subarray(at, (at += size))
    const [kind, detail] = [bytes[0]!, bytes[1]!]
    const form = kind === AFFINE ? 'integers' : kind === PALETTE ? 'palette' : 'plain'
    const bits = form === 'integers' ? detail : form === 'palette' ? Math.max(1, Math.ceil(Math.log2(detail + 1))) : SIZES[type] * 8
    return { name, type, dims, form, bits, bytes }
  })
}

import type { CompileResult } from '@whittle/compiler'
import { worstSqnr } from './words.ts'

/** A point of the plot: what one way to build an import takes, and how good it is. */
export interface Point {
  readonly kind: 'original' | 'variant' | 'trial'
  /** What it is called; several names where several variants share a file. */
  readonly names: readonly string[]
  /** Bytes after brotli. */
  readonly brotli: number
  /** On the axis of {@link Points.axis}; null is exact. */
  readonly value: number | null
  /** The 95 % interval of `value`. */
  readonly interval?: readonly [low: number, high: number]
}

export interface Points {
  readonly axis: { readonly label: string; readonly higherIsBetter: boolean }
  readonly points: readonly Point[]
}

/** The original and the variants of an import: by their accuracy where a metric was taken, else by the SQNR of the worst output. */
export function pointsOf({ manifest, report }: CompileResult): Points {
  const { source, variants } = report
  const [first] = variants
  const accuracy = first?.accuracy
  const axis = accuracy
    ? { label: accuracy.metric, higherIsBetter: accuracy.higherIsBetter }
    : { label: 'SQNR of the worst output, dB', higherIsBetter: true }
  const original: Point = { kind: 'original', names: ['the original'], brotli: source.brotli, value: accuracy ? accuracy.original : null }
  const points = new Map<string, Point>()
  for (const { id, brotli, quality, accuracy: own } of variants) {
    const key = manifest.variants.find((variant) => variant.id === id)?.files[0]?.sha256 ?? id
    const known = points.get(key)
    if (known) {
      points.set(key, { ...known, names: [...known.names, id] })
      continue
    }
    const interval = own?.interval?.map((edge) => own.original + edge / 100) as [number, number] | undefined
    points.set(key, {
      kind: 'variant',
      names: [id],
      brotli,
      value: own ? own.variant : worstSqnr(quality),
      ...(interval ? { interval } : {}),
    })
  }
  return { axis, points: [original, ...points.values()] }
}

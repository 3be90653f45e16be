export interface LoadProgress {
  /** The id of the variant that is tried. */
  readonly variant: string
  /** Bytes received so far of the model and of onnxruntime's WebAssembly, after the host's encoding is undone. Never falls. */
  readonly loaded: number
  /** Bytes that will have been received when this variant is there. Rises when a variant fails and another is fetched. */
  readonly total: number
}

/** Sums up files that arrive abreast. */
export interface Progress {
  /** A variant is tried: what others had left to fetch is no longer waited for. */
  (variant: string): void
  /** Bytes of a file arrived; `size` says how many will, once. */
  (file: 'model' | 'runtime', bytes: number, size?: number): void
}

export function createProgress(onProgress?: (progress: LoadProgress) => void): Progress {
  let variant = ''
  let [loaded, total] = [0, 0]
  let left: Record<string, number> = {}
  return (name: string, bytes?: number, size?: number) => {
    if (bytes === undefined) {
      variant = name
      left = {}
      return
    }
    if (size !== undefined) left[name] = size
    // A file that an earlier variant waited for may still arrive.
    if (!(name in left)) return
    left[name]! -= bytes
    loaded += bytes
    total = Math.max(total, loaded + Object.values(left).reduce((sum, rest) => sum + rest, 0))
    onProgress?.({ variant, loaded, total })
  }
}

import type { Tensor, Value } from '@whittle/ir'
import type { Emitter } from '../emitter.ts'
import type { Weights } from '../manifest.ts'

/**
 * Finds a layer's weights. Keras writes `model/lstm/lstm_cell/kernel:0` where TensorFlow.js writes `lstm/kernel`: the last part of the name
 * must agree, and the layer's name (and of a layer inside of a layer, its name too) must stand before it.
 */
export class LayerWeights {
  readonly #weights: Weights
  readonly #byEnd = new Map<string, { full: string; parts: string[] }[]>()

  constructor(weights: Weights) {
    this.#weights = weights
    for (const full of weights.names()) {
      const parts = full.replace(/:\d+$/, '').split('/')
      const end = parts.at(-1)!
      const same = this.#byEnd.get(end)
      if (same) same.push({ full, parts })
      else this.#byEnd.set(end, [{ full, parts }])
    }
  }

  /** Whether a weight stands under this name. */
  knows(layer: string): boolean {
    for (const full of this.#weights.names()) if (holds(full.split('/').slice(0, -1), layer)) return true
    return false
  }

  /** @param path names of the containers, then of the layer. @param end `kernel`, or `forward_*` and a slash before it for a layer within the layer. */
  tensor(e: Emitter, path: readonly string[], end: string): Tensor {
    return this.#weights.get(this.#find(e, path, end))
  }

  value(e: Emitter, path: readonly string[], end: string): Value {
    const name = this.#find(e, path, end)
    return e.constant(name.replace(/:\d+$/, ''), this.#weights.get(name))
  }

  #find(e: Emitter, path: readonly string[], end: string): string {
    const layer = path.at(-1)!
    const exact = `${layer}/${end}`
    if (this.#weights.has(exact)) return exact
    const [last, inner] = [end.split('/').at(-1)!, end.includes('/') ? end.split('/')[0]! : undefined]
    const named = (this.#byEnd.get(last) ?? []).filter(({ parts }) => {
      const before = parts.slice(0, -1)
      return holds(before, layer) && (!inner || before.some((part) => part.startsWith(inner.replace('*', ''))))
    })
    // Of layers of one name in several models, that of the innermost one.
    const inside = named.filter(({ parts }) => path.slice(0, -1).every((container) => holds(parts.slice(0, -1), container)))
    const found = inside.length === 1 ? inside[0] : named.length === 1 ? named[0] : undefined
    if (found) return found.full
    if (named.length === 0) throw e.fail(`the weights manifest has no '${end}' of it`)
    throw e.refuse(
      `the weights manifest has several that may be its '${end}': ${named
        .map(({ full }) => full)
        .join(', ')
        .slice(0, 200)}`,
    )
  }
}

/** Whether a layer's name, which may have slashes itself, stands among the parts. */
function holds(parts: readonly string[], layer: string): boolean {
  return `/${parts.join('/')}/`.includes(`/${layer}/`)
}

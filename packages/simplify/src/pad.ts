import { type Node, constantOf } from '@whittle/ir'
import type { SimplifyRule } from './rule.ts'

/**
 * A Pad with zeros on spatial axes goes into the Conv after it, and into an AveragePool that counts them (or that had no padding of its own, and
 * counts them from then on).
 *
 * In onnxruntime-web's wasm nine Convs of 3 x 3, each behind its Pad, take 1.00 of their time with it, to the same bits: that fuses at loading.
 */
export const pad: SimplifyRule = {
  name: 'pad',
  apply(model, report) {
    // Below 11 the amounts are an attribute.
    if ((model.opsets.get('') ?? 0) < 11) return false
    let changed = false
    for (const graph of model.graphs())
      for (const node of [...graph.nodes]) {
        const amounts = node.type === 'Pad' ? spatial(node) : undefined
        const [input] = node.inputs
        if (!amounts || !input) continue
        const { uses, isOutput } = node.output
        if (isOutput || uses.length === 0) continue
        const layers = uses.map(({ node: layer, index }) => (index === 0 && layer.graph === graph ? padded(layer, amounts) : undefined))
        if (layers.some((pads) => !pads)) continue
        const at = node.describe()
        uses.forEach(({ node: layer }, index) => {
          layer.attributes.set('pads', { type: 'ints', value: layers[index]! })
          layer.attributes.delete('auto_pad')
          if (layer.type === 'AveragePool') layer.attributes.set('count_include_pad', { type: 'int', value: 1 })
        })
        graph.replaceUses(node.output, input)
        graph.removeNode(node)
        report.changed.push({ at, what: 'went into the layer after it' })
        changed = true
      }
    return changed
  },
}

/** What a Pad with zeros adds before and after each axis from the third on; undefined where it does anything else. */
function spatial(node: Node): { before: number[]; after: number[] } | undefined {
  const [, pads, value, axes] = node.inputs
  const numbers = constantOf(pads)?.toNumbers()
  const rank = node.inputs[0]?.shape?.length
  if (node.string('mode', 'constant') !== 'constant' || !numbers || rank === undefined || rank < 3) return undefined
  if (value && !isZero(node)) return undefined
  const given = axes ? constantOf(axes)?.toNumbers() : Array.from({ length: rank }, (_, axis) => axis)
  if (!given || numbers.length !== 2 * given.length || numbers.some((number) => number < 0)) return undefined
  const [before, after] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)]
  given.forEach((axis, index) => {
    const at = axis < 0 ? axis + rank : axis
    before[at] = numbers[index]!
    after[at] = numbers[given.length + index]!
  })
  const isSpatial = [...before.slice(0, 2), ...after.slice(0, 2)].every((number) => number === 0)
  return isSpatial ? { before: before.slice(2), after: after.slice(2) } : undefined
}

function isZero(node: Node): boolean {
  const tensor = constantOf(node.inputs[2])
  return tensor !== undefined && tensor.type !== 'string' && tensor.toNumbers().every((number) => number === 0)
}

/** The paddings of a layer that pads so much more; undefined where that would change what it gives. */
function padded(layer: Node, { before, after }: { before: number[]; after: number[] }): number[] | undefined {
  const old = layer.ints('pads') ?? new Array<number>(before.length * 2).fill(0)
  const automatic = layer.string('auto_pad', 'NOTSET')
  if (!['NOTSET', 'VALID'].includes(automatic) || old.length !== before.length * 2) return undefined
  const own = automatic === 'VALID' ? old.map(() => 0) : old
  const pads = own.map((number, index) => number + [...before, ...after][index]!)
  if (layer.type === 'Conv') return pads
  if (layer.type !== 'AveragePool' || layer.int('ceil_mode', 0) !== 0) return undefined
  const isCounted = layer.int('count_include_pad', 0) === 1 || own.every((number) => number === 0)
  // onnxruntime refuses a window that lies in the padding alone.
  const kernel = layer.ints('kernel_shape') ?? []
  return isCounted && pads.every((number, index) => number < kernel[index % before.length]!) ? pads : undefined
}

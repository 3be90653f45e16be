import { type ElementType, type Node, bitsOf, kindOf } from '@whittle/ir'
import type { SimplifyRule } from './rule.ts'

/** Bits of the whole numbers that a float holds exactly. */
const WHOLE_BITS: Partial<Record<ElementType, number>> = { float16: 11, bfloat16: 8, float32: 24, float64: 53 }
/** Floats whose every value the second holds. */
const WIDER: Partial<Record<ElementType, readonly ElementType[]>> = {
  float16: ['float32', 'float64'],
  bfloat16: ['float32', 'float64'],
  float32: ['float64'],
}

/** A Cast reads what the Cast before it was given, where that one lost nothing; a Cast and the one back go. */
export const casts: SimplifyRule = {
  name: 'casts',
  apply(model, report) {
    let changed = false
    for (const graph of model.graphs())
      for (const node of [...graph.nodes]) {
        const first = node.inputs[0]?.producer
        const input = first?.inputs[0]
        if (node.type !== 'Cast' || first?.type !== 'Cast' || !input || !isNeedless(first, node)) continue
        const at = node.describe()
        const back = input.elementType === node.output.elementType && graph.replaceUses(node.output, input)
        if (back) graph.removeNode(node)
        else graph.setInput(node, 0, input)
        report.changed.push({ at, what: back ? 'removed: a Cast back' : `reads what ${first.describe()} was given` })
        changed = true
      }
    return changed
  },
}

/** Whether the second of two Casts gives the same without the first. */
function isNeedless(first: Node, second: Node): boolean {
  const [from, middle, to] = [first.inputs[0]?.elementType, first.output.elementType, second.output.elementType]
  if (!from || !middle || !to || !isExact(from, middle)) return false
  if (from === to) return true
  // A float that does not fit a whole number, and a number between two small floats, depend on how they are cast.
  if (kindOf(middle) === 'float' && kindOf(from) !== 'float')
    return to === 'float32' || to === 'float64' || to === 'bool' || isExact(from, to)
  return kindOf(to) !== 'float' || to === 'float32' || to === 'float64'
}

/** Whether the second type holds every value of the first. */
function isExact(from: ElementType, to: ElementType): boolean {
  if (from === 'bool') return isInteger(to) || to in WHOLE_BITS
  if (kindOf(from) === 'float') return WIDER[from]?.includes(to) ?? false
  if (!isInteger(from)) return false
  const signed = from.startsWith('int')
  if (to in WHOLE_BITS) return bitsOf(from) - (signed ? 1 : 0) <= WHOLE_BITS[to]!
  if (!isInteger(to)) return false
  const spare = bitsOf(to) - bitsOf(from)
  return to.startsWith('int') === signed ? spare >= 0 : !signed && spare > 0
}

function isInteger(type: ElementType): boolean {
  return /^u?int\d+$/.test(type)
}

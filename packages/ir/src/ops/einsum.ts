import type { Dim, Node } from '../graph.ts'
import { broadcast, elementsOf, expectSame } from './rules.ts'
import { einsumAxes } from './axes/matmul.ts'
import { fixedShape } from './dim.ts'
import type { Facts, OpRow } from './row.ts'

/** Einsum: labels of the inputs' axes to labels of the output's. */

interface Equation {
  inputs: string[][]
  output: string[]
}

/** `...` is one label that stands for any number of axes. */
function equationOf(node: Node): Equation {
  const [left = '', right] = node.string('equation', '').replace(/\s/g, '').split('->')
  const labels = (term: string): string[] => term.match(/\.\.\.|[A-Za-z]/g) ?? []
  const inputs = left.split(',').map(labels)
  if (right !== undefined) return { inputs, output: labels(right) }
  const all = inputs.flat()
  const single = [...new Set(all)].filter((label) => label !== '...' && all.filter((other) => other === label).length === 1).sort()
  return { inputs, output: all.includes('...') ? ['...', ...single] : single }
}

function dimsOf(equation: Equation, shapes: readonly (readonly Dim[])[], facts?: Facts): Map<string, readonly Dim[]> {
  const dims = new Map<string, readonly Dim[]>()
  equation.inputs.forEach((labels, index) => {
    const shape = shapes[index]!
    const spread = shape.length - labels.filter((label) => label !== '...').length
    let at = 0
    for (const label of labels) {
      const part = shape.slice(at, (at += label === '...' ? spread : 1))
      const known = dims.get(label)
      if (label === '...' && known && facts) dims.set(label, broadcast(known, part, facts)!)
      else if (!known || known[0] === 1) dims.set(label, part)
      else if (facts && part[0] !== 1) expectSame(`axes '${label}'`, known[0], part[0], facts)
    }
  })
  return dims
}

export const einsumRows: readonly OpRow[] = [
  {
    type: 'Einsum',
    weights: [
      { input: 0, role: 'kernel', ...axes(0) },
      { input: 1, role: 'kernel', ...axes(1) },
    ],
    infer(node, facts) {
      const shapes = node.inputs.map((_, index) => facts.shape(index))
      if (shapes.some((shape) => !shape)) return facts.set(0, facts.type(0), undefined)
      const equation = equationOf(node)
      if (equation.inputs.length !== shapes.length) facts.fail(`the equation is for ${equation.inputs.length} inputs`)
      const dims = dimsOf(equation, shapes as (readonly Dim[])[], facts)
      facts.set(
        0,
        facts.type(0),
        equation.output.flatMap((label) => dims.get(label) ?? []),
      )
    },
    macs(node) {
      const shapes = node.inputs.map((value) => fixedShape(value?.shape))
      if (shapes.some((shape) => !shape) || elementsOf(node.outputs[0]) === undefined) return undefined
      const dims = dimsOf(equationOf(node), shapes as number[][])
      return [...dims.values()].flat().reduce<number>((product, dim) => product * Number(dim), 1)
    },
    axes(node) {
      const { inputs, output } = equationOf(node)
      return einsumAxes(inputs, output)
    },
  },
]

/** The only axis that stays in the output and the other input lacks; the only one that both inputs share and the output lacks. */
function axes(input: number): { outputAxis(node: Node): number | undefined; inputAxis(node: Node): number | undefined } {
  const only = (node: Node, test: (label: string, other: readonly string[], output: readonly string[]) => boolean): number | undefined => {
    const { inputs, output } = equationOf(node)
    const own = inputs[input] ?? []
    if (inputs.length !== 2 || own.includes('...')) return undefined
    const found = own.flatMap((label, axis) => (test(label, inputs[1 - input]!, output) ? [axis] : []))
    return found.length === 1 ? found[0] : undefined
  }
  return {
    outputAxis: (node) => only(node, (label, other, output) => output.includes(label) && !other.includes(label)),
    inputAxis: (node) => only(node, (label, other, output) => !output.includes(label) && other.includes(label)),
  }
}

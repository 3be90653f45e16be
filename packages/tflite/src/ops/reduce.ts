import type { Layout } from '../lowering.ts'
import type { Row } from './row.ts'

const reduce = (op: string): Row => ({
  options: 'ReducerOptions',
  lower(l) {
    const [input, output] = [l.op.input(0), l.op.output()]
    const rank = l.rank(input)
    const axes = [...new Set(l.numbers(l.op.input(1), 'axes').map((axis) => l.axis(axis, rank)))]
    const keeps = l.op.flag('keepDims')
    // Without the reduced axes, the others must stand in the file's order.
    const ordered = axes.includes(3) || (axes.includes(1) && axes.includes(2))
    const source: Layout = l.isFirst(input) && (keeps || ordered) ? 'first' : 'last'
    if (axes.length === 0) return l.keep(input, output, (value) => value)
    const value = l.in(input, source)
    const bools = op === 'ReduceAny' || op === 'ReduceAll'
    const at = l.ints(axes.map((axis) => l.axisIn(axis, source)).sort((a, b) => a - b))
    const reduced = bools
      ? l.cast(l.node(op === 'ReduceAny' ? 'ReduceMax' : 'ReduceMin', [l.cast(value, 'int32'), at], { keepdims: keeps ? 1 : 0 }), 'bool')
      : l.node(op, [value, at], { keepdims: keeps ? 1 : 0 })
    l.give(output, reduced, keeps ? source : 'last')
  },
})

const arg = (op: string, options: string): Row => ({
  options,
  lower(l) {
    const [input, output] = [l.op.input(0), l.op.output()]
    const rank = l.rank(input)
    const axis = l.axis(l.numbers(l.op.input(1), 'axis')[0] ?? -1, rank)
    const layout: Layout = l.isFirst(input) && axis === 3 ? 'first' : 'last'
    const found = l.node(op, [l.in(input, layout)], { axis: l.axisIn(axis, layout), keepdims: 0 })
    l.give(output, l.info(output).type === 'int64' ? found : l.cast(found, l.info(output).type))
  },
})

export const reduceRows: Readonly<Record<string, Row>> = {
  MEAN: reduce('ReduceMean'),
  SUM: reduce('ReduceSum'),
  REDUCE_MAX: reduce('ReduceMax'),
  REDUCE_MIN: reduce('ReduceMin'),
  REDUCE_PROD: reduce('ReduceProd'),
  REDUCE_ANY: reduce('ReduceAny'),
  REDUCE_ALL: reduce('ReduceAll'),
  ARG_MAX: arg('ArgMax', 'ArgMaxOptions'),
  ARG_MIN: arg('ArgMin', 'ArgMinOptions'),
  CUMSUM: {
    options: 'CumsumOptions',
    lower(l) {
      const axis = l.axis(l.numbers(l.op.input(1), 'axis')[0]!, l.rank(l.op.input(0)))
      l.keep(l.op.input(0), l.op.output(), (value, layout) =>
        l.node('CumSum', [value, l.scalar(l.axisIn(axis, layout), 'int64')], {
          exclusive: l.op.number('exclusive'),
          reverse: l.op.number('reverse'),
        }),
      )
    },
  },
  TOPK_V2: {
    lower(l) {
      const { op } = l
      const node = l.nodes('TopK', [l.last(op.input(0)), l.int64(op.input(1))], { axis: -1 }, 2)
      l.give(op.output(0), node.outputs[0]!)
      if ((op.outputs[1] ?? -1) >= 0) l.give(op.output(1), l.cast(node.outputs[1]!, l.info(op.output(1)).type))
    },
  },
}

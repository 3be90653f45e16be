import type { Node } from '../graph.ts'
import { controlFlowRows } from './control-flow.ts'
import { convRows } from './conv.ts'
import { einsumRows } from './einsum.ts'
import { elementwiseRows } from './elementwise.ts'
import { indexingRows } from './indexing.ts'
import { layoutRows } from './layout.ts'
import { matmulRows } from './matmul.ts'
import { normalizationRows } from './normalization.ts'
import { poolingRows } from './pooling.ts'
import { quantizationRows } from './quantization.ts'
import { recurrentRows } from './recurrent.ts'
import { reductionRows } from './reduction.ts'
import type { OpRow } from './row.ts'
import { shapeRows } from './shape-ops.ts'

/** The rows by family, in the order of the documentation. */
export const opFamilies: readonly { readonly name: string; readonly rows: readonly OpRow[] }[] = [
  { name: 'Convolutions', rows: convRows },
  { name: 'Products of matrices', rows: [...matmulRows, ...einsumRows] },
  { name: 'Recurrent layers', rows: recurrentRows },
  { name: 'Normalizations', rows: normalizationRows },
  { name: 'Poolings', rows: poolingRows },
  { name: 'Elementwise', rows: elementwiseRows },
  { name: 'Reductions', rows: reductionRows },
  { name: 'Layout', rows: layoutRows },
  { name: 'Indexing', rows: indexingRows },
  { name: 'Shapes and sources', rows: shapeRows },
  { name: 'Number formats', rows: quantizationRows },
  { name: 'Control flow', rows: controlFlowRows },
]

/** The op table: one row per op, at opset 21. */
export const opTable: readonly OpRow[] = opFamilies.flatMap((family) => family.rows)

const byType: ReadonlyMap<string, OpRow> = new Map(opTable.map((row) => [row.type, row]))

/** What is known of a node's op; undefined for ops that the table does not have. */
export function opRow(node: Node): OpRow | undefined {
  return byType.get(node.type)
}

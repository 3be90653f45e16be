import type { Node } from '../graph.ts'
import { attentionRows } from './attention.ts'
import { controlFlowRows } from './control-flow.ts'
import { convRows } from './conv.ts'
import { einsumRows } from './einsum.ts'
import { elementwiseRows } from './elementwise.ts'
import { imageRows } from './image.ts'
import { indexingRows } from './indexing.ts'
import { layoutRows } from './layout.ts'
import { lossRows } from './loss.ts'
import { matmulRows } from './matmul.ts'
import { microsoftRows } from './microsoft.ts'
import { normalizationRows } from './normalization.ts'
import { poolingRows } from './pooling.ts'
import { quantizationRows } from './quantization.ts'
import { quantizedRows } from './quantized.ts'
import { recurrentRows } from './recurrent.ts'
import { reductionRows } from './reduction.ts'
import type { OpRow } from './row.ts'
import { sequenceRows } from './sequence.ts'
import { shapeRows } from './shape-ops.ts'
import { signalRows } from './signal.ts'
import { textRows } from './text.ts'
import { trainingRows } from './training.ts'

/** The rows by family, in the order of the documentation. */
export const opFamilies: readonly { readonly name: string; readonly rows: readonly OpRow[] }[] = [
  { name: 'Convolutions', rows: convRows },
  { name: 'Products of matrices', rows: [...matmulRows, ...einsumRows] },
  { name: 'Recurrent layers', rows: recurrentRows },
  { name: 'Attention', rows: attentionRows },
  { name: 'Normalizations', rows: normalizationRows },
  { name: 'Poolings', rows: poolingRows },
  { name: 'Elementwise', rows: elementwiseRows },
  { name: 'Reductions', rows: reductionRows },
  { name: 'Layout', rows: layoutRows },
  { name: 'Indexing', rows: indexingRows },
  { name: 'Shapes and sources', rows: shapeRows },
  { name: 'Number formats', rows: quantizationRows },
  { name: 'Layers on quantized tensors', rows: quantizedRows },
  { name: 'Pictures', rows: imageRows },
  { name: 'Signals', rows: signalRows },
  { name: 'Text', rows: textRows },
  { name: 'Losses', rows: lossRows },
  { name: 'Training (preview)', rows: trainingRows },
  { name: 'Control flow', rows: controlFlowRows },
  { name: 'Sequences and optionals', rows: sequenceRows },
  { name: 'Fused and other ops of com.microsoft', rows: microsoftRows },
]

/** The op table: one row per op, at opset 21. */
export const opTable: readonly OpRow[] = opFamilies.flatMap((family) => family.rows)

const byType: ReadonlyMap<string, OpRow> = new Map(opTable.map((row) => [row.type, row]))

/** What is known of a node's op; undefined for ops that the table does not have. */
export function opRow(node: Node): OpRow | undefined {
  return byType.get(node.type)
}

import type { Node } from '../graph.ts'
import { convRows } from './conv.ts'
import { matmulRows } from './matmul.ts'
import type { OpRow } from './row.ts'

/** The op table, family by family. */
export const opTable: readonly OpRow[] = [...convRows, ...matmulRows]

const byType: ReadonlyMap<string, OpRow> = new Map(opTable.map((row) => [row.type, row]))

/** What is known of a node's op; undefined for ops that the table does not have. */
export function opRow(node: Node): OpRow | undefined {
  return byType.get(node.type)
}

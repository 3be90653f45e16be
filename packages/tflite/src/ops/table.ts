import { activationRows } from './activation.ts'
import { convRows } from './conv.ts'
import { customRows } from './custom.ts'
import { elementwiseRows } from './elementwise.ts'
import { indexingRows } from './indexing.ts'
import { matmulRows } from './matmul.ts'
import { poolRows } from './pool.ts'
import { quantizeRows } from './quantize.ts'
import { reduceRows } from './reduce.ts'
import { resizeRows } from './resize.ts'
import type { Row } from './row.ts'
import { shapeRows } from './shape.ts'

/** Every builtin op that is read, by its name in the schema. */
export const OPS: ReadonlyMap<string, Row> = new Map(
  Object.entries({
    ...convRows,
    ...poolRows,
    ...resizeRows,
    ...matmulRows,
    ...activationRows,
    ...elementwiseRows,
    ...reduceRows,
    ...shapeRows,
    ...indexingRows,
    ...quantizeRows,
  }),
)

/** Every custom op that is read, by the name that it has in files. */
export const CUSTOM_OPS: ReadonlyMap<string, Row> = new Map(Object.entries(customRows))

import type { CostTable } from '@whittle/ir'

/** To be measured. */
export const wasmCost: CostTable = {
  rows: [],
  quantizePerMillion: 0,
  dequantizePerMillion: 0,
  source: { how: '', date: '' },
}

import { imports } from './imports.mjs'

export { BUNDLERS, CODECS, IMPORT_TABLE, KNOWS_BUNDLERS, PORTABLE } from './import-table.mjs'

/** Whittle's own ESLint rules. */
export const plugin = { meta: { name: 'whittle' }, rules: { imports } }

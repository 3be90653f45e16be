export { simplify, SIMPLIFY_RULES, type SimplifyOptions, type SimplifyRule } from './simplify.ts'

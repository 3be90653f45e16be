export { factorize } from './factorize.ts'
export { FACTORIZE_DEFAULTS, type FactorizeOptions } from './options.ts'

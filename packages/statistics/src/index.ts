export { collectGrams, whyNoGram, type Gram } from './gram.ts'
export { curvatureOf, damped, outputVariance, type Curvature } from './curvature.ts'
export { addBias, elementsOf, rowsOf } from './rows.ts'
export { cholesky, inverse, solveCholesky } from './linear-algebra.ts'

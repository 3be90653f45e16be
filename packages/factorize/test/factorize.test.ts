import { transformContract } from '@whittle/testing'
import { factorize } from '../src/index.ts'
import { engine, samplesOf } from './harness.ts'

const every = { multiple: 1, minSize: 0, gain: 0 }

transformContract('factorize', () => factorize({ ...every, rank: 0.3 }), { tolerance: Infinity })
transformContract('factorize on data', () => factorize({ ...every, parameters: 0.7, method: 'data' }), {
  tolerance: Infinity,
  context: (model) => ({ engine, calibration: samplesOf(model) }),
  randomModels: 4,
})

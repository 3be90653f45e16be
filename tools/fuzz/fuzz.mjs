// `npm run fuzz -- [--count N] [--seed S] [--minutes M] [--models FOLDER]`: mutates models and reads them; exits non-zero when one crashes, hangs,
// takes too much memory or gives an error that is none of ours.
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '200000' },
    seed: { type: 'string', default: 'whittle' },
    minutes: { type: 'string' },
    workers: { type: 'string', default: '2' },
    models: { type: 'string' },
  },
})

const { createJiti } = await import('jiti')
const { fuzz } = await createJiti(import.meta.url).import('./src/run.ts')
const began = Date.now()
const { inputs, models, refused, findings } = await fuzz({
  count: Number(values.count),
  seed: values.seed,
  workers: Number(values.workers),
  minutes: values.minutes === undefined ? undefined : Number(values.minutes),
  models: values.models,
  log: (line) => console.error(line),
})
const minutes = ((Date.now() - began) / 60_000).toFixed(1)
console.log(`${inputs} inputs (seed ${values.seed}, ${minutes} min): ${models} models, ${refused} refused, ${findings.length} failed`)
process.exitCode = findings.length === 0 ? 0 : 1

// `npm run fuzz -- [--count N] [--seed S] [--minutes M] [--models FOLDER]
// [--target models|weights|channels]`: mutates models, or weight files, and reads them, or removes channels of random networks; exits non-zero when
// one crashes, hangs, takes too much memory, gives an error that is none of ours, or gives other outputs than with the channels masked.
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '200000' },
    seed: { type: 'string', default: 'whittle' },
    minutes: { type: 'string' },
    workers: { type: 'string', default: '2' },
    models: { type: 'string' },
    target: { type: 'string', default: 'models' },
  },
})

const { createJiti } = await import('jiti')
const { fuzz } = await createJiti(import.meta.url).import('./src/run.ts')
const began = Date.now()
if (!['models', 'weights', 'channels'].includes(values.target))
  throw new Error(`--target is models, weights or channels, not '${values.target}'`)
const { inputs, models, refused, slowest, findings } = await fuzz({
  count: Number(values.count),
  seed: values.seed,
  workers: Number(values.workers),
  minutes: values.minutes === undefined ? undefined : Number(values.minutes),
  models: values.models,
  target: values.target,
  log: (line) => console.error(line),
})
const minutes = ((Date.now() - began) / 60_000).toFixed(1)
console.log(
  `${inputs} inputs (seed ${values.seed}, ${minutes} min): ${models} read, ${refused} refused, ${findings.length} failed; slowest ${slowest.toFixed(0)} ms`,
)
process.exitCode = findings.length === 0 ? 0 : 1

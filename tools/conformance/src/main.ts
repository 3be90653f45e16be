import { createRequire } from 'node:module'
import { checkAll } from './pool.ts'
import { findCases } from './find.ts'
import { lines, print } from './report.ts'

const [folder] = process.argv.slice(2)
const start = performance.now()
const verdicts = await checkAll(folder!, findCases(folder!))
const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
const rows = lines(verdicts)
print(rows, verdicts)
console.log(
  `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, onnxruntime-node ${version}, ${Math.round((performance.now() - start) / 1000)} s`,
)
process.exit(rows.every(({ ok }) => ok) ? 0 : 1)

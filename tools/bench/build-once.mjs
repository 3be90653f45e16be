// Builds the text-direction example once, with the cache folder given, and prints the seconds in Whittle's own hooks and a hash of all that was
// emitted. A process of its own: a real build loads the compiler too.
import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { whittle } from '@whittle/rollup-plugin'
import { build } from 'vite'

const root = dirname(dirname(fileURLToPath(import.meta.resolve('example-text-direction/measure'))))
const plugin = whittle({ cache: process.argv[2], summary: false, types: false, progress: false })
const output = await build({ configFile: false, root, logLevel: 'error', plugins: [plugin], build: { write: false } })
const hash = createHash('sha256')
for (const { output: files } of [output].flat())
  for (const file of [...files].sort((a, b) => (a.fileName < b.fileName ? -1 : 1)))
    hash.update(file.fileName).update(file.type === 'chunk' ? file.code : file.source)
console.log(JSON.stringify({ seconds: plugin.api.seconds, digest: hash.digest('hex') }))

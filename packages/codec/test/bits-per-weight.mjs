// `node packages/codec/test/bits-per-weight.mjs`: the table of the README, on the text recogniser's weights. Takes some minutes.
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const file = fileURLToPath(new URL('../node_modules/.cache/bits-per-weight.mjs', import.meta.url))
const bundle = await rolldown({
  input: fileURLToPath(new URL('bits-per-weight.ts', import.meta.url)),
  platform: 'node',
  resolve: { conditionNames: ['@whittle/source', 'import', 'node'] },
  external: ['onnxruntime-node', /^vitest/],
  treeshake: { moduleSideEffects: false },
})
await bundle.write({ file, format: 'esm' })
await bundle.close()
await import(file)

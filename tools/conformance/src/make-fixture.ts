import { writeFileSync } from 'node:fs'
import { type TestCase, findCases, loadCase } from './find.ts'
import { pack } from './pack.ts'
import { decodeModel } from './protobuf.ts'

// Writes the slice of ONNX's test models that the tests run: for each op and opset the smallest one, up to so many bytes.
const MOST_BYTES = 6_000
const MOST_CASES = 260
const [folder, out] = process.argv.slice(2)

const smallest = new Map<string, { size: number; test: TestCase }>()
for (const name of findCases(folder!)) {
  const test = loadCase(folder!, name)
  const size =
    test.model.length + test.sets.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]).reduce((sum, { length }) => sum + length, 0)
  const proto = decodeModel(test.model)
  const ops = [...new Set(proto.graph!.node.map(({ opType }) => opType))].sort().join('+')
  const key = `${ops} ${proto.opsetImport.map(({ version }) => version)}`
  if (size <= MOST_BYTES && size < (smallest.get(key)?.size ?? Infinity)) smallest.set(key, { size, test })
}
const chosen = [...smallest.values()].sort((a, b) => a.size - b.size).slice(0, MOST_CASES)
const bytes = pack(chosen.map(({ test }) => test).sort((a, b) => (a.name < b.name ? -1 : 1)))
writeFileSync(out!, bytes)
console.log(`${chosen.length} cases, ${bytes.length} bytes`)

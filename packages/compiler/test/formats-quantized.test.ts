import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { compile } from '../src/index.ts'

/** Models of the reader's own tests, quantized ones among them. */
const cases = readFileSync(new URL('../../tflite/test/fixtures/cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { case: string; model: string })

const root = mkdtempSync(path.join(tmpdir(), 'whittle-quantized-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

it.each(
  cases.flatMap(({ case: name, model }) =>
    /^(int8|int16) (conv|add|average)|^uint8 conv|^float in/.test(name) ? [[name, model] as const] : [],
  ),
)('a quantized TensorFlow Lite model runs in the browser’s own runtime as it is: %s', async (_, model) => {
  const file = path.join(root, 'net.tflite')
  writeFileSync(file, Buffer.from(model, 'base64'))
  const { report, artefacts } = await compile({ file, query: 'int8&target=wasm&runtime=onnx', root, cache: false })
  expect(artefacts).toHaveLength(1)
  for (const { cosine } of Object.values(report.variants[0]!.quality)) expect(cosine).toBeGreaterThan(0.9999)
})

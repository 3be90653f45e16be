import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { expect, test } from 'vitest'

test('the loader takes at most 5 kB (5120 brotli bytes) of an app, without onnxruntime', async () => {
  const input = fileURLToPath(new URL('../src/index.ts', import.meta.url))
  const bundle = await rolldown({ input, external: [], platform: 'browser', resolve: { conditionNames: ['@whittle/source', 'import'] } })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  await bundle.close()
  expect(output).toHaveLength(1)
  const code = output[0].code
  expect(code).toContain('createModel')
  expect(code).not.toMatch(/from ?["']|import\(/)
  const bytes = brotliCompressSync(code).length
  expect(bytes).toBeGreaterThan(1000)
  expect(bytes).toBeLessThanOrEqual(5120)
})

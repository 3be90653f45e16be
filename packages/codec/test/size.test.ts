import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { expect, test } from 'vitest'

test('the decoder takes at most 3 kB (3000 brotli bytes) of an app', async () => {
  const input = fileURLToPath(new URL('../src/decode.ts', import.meta.url))
  const bundle = await rolldown({ input, platform: 'browser', resolve: { conditionNames: ['@whittle/source', 'import'] } })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  await bundle.close()
  expect(output).toHaveLength(1)
  expect(output[0].code).not.toMatch(/from ?["']|import\(/)
  const bytes = brotliCompressSync(output[0].code).length
  expect(bytes).toBeGreaterThan(1000)
  expect(bytes).toBeLessThanOrEqual(3000)
})

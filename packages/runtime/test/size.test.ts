import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { expect, test } from 'vitest'

/** An entry of the package as an app gets it: one file, minified. */
async function bundled(entry: string): Promise<{ code: string; bytes: number }> {
  const input = fileURLToPath(new URL(`../src/${entry}.ts`, import.meta.url))
  const bundle = await rolldown({ input, external: [], platform: 'browser', resolve: { conditionNames: ['@whittle/source', 'import'] } })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  await bundle.close()
  expect(output).toHaveLength(1)
  const code = output[0].code
  expect(code).not.toMatch(/from ?["']|import\(/)
  return { code, bytes: brotliCompressSync(code).length }
}

test('the loader takes at most 5 kB (5120 brotli bytes) of an app, without onnxruntime', async () => {
  const { code, bytes } = await bundled('index')
  expect(code).toContain('createModel')
  expect(code).not.toMatch(/shareModel|imageTensor|thriftyDevices|fromGpuBuffer/)
  expect(bytes).toBeGreaterThan(1000)
  expect(bytes).toBeLessThanOrEqual(5120)
})

test.each([
  ['share', 'shareModel', 900],
  ['gpu', 'fromGpuBuffer', 1600],
  ['image', 'imageTensor', 3600],
  ['parts', 'wanted', 1300],
  ['stream', 'maxAge', 1400],
  ['thrift', 'thriftyDevices', 600],
])('@whittle/runtime/%s takes what its bound says at most, alone', async (entry, name, bound) => {
  const { code, bytes } = await bundled(entry)
  expect(code).toContain(name)
  expect(code).not.toContain('createModel')
  expect(bytes).toBeGreaterThan(100)
  expect(bytes).toBeLessThanOrEqual(bound)
})

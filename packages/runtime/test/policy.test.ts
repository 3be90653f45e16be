import { launchBrowser, type Browser, type Page } from '@whittle/browser'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MODEL, manifestOf, openPage, runtimeFiles, startHost } from './host.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser({ webgpu: true })
})
afterAll(() => browser?.close())

/** What a load gave on a page with a policy, what of the policy was violated, and the workers that run. */
async function loadUnder(
  csp: string,
  targets: Record<string, string>,
  isolated = false,
): Promise<{ loaded: any; violations: string[]; threads: number }> {
  const host = await startHost({ csp, isolated })
  const page: Page = await openPage(browser, host, () => {
    ;(globalThis as any).violations = []
    Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', { get: () => 6 })
    document.addEventListener('securitypolicyviolation', (event) => (globalThis as any).violations.push(event.violatedDirective))
  })
  try {
    const [loaded, violations]: [any, string[]] = await page.evaluate(
      async ([manifest, changes]) => [await (globalThis as any).whittle.load(manifest, {}, changes), (globalThis as any).violations],
      [manifestOf(targets), { files: runtimeFiles() }] as const,
    )
    return { loaded, violations, threads: page.workers().length }
  } finally {
    await page.close()
    await host.close()
  }
}

const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; img-src data:"

test.each(['wasm', 'webgpu'])('%s runs under a strict policy, without eval and without blobs', async (target) => {
  const { loaded, violations } = await loadUnder(STRICT, { [target]: 'model.onnx' })
  expect(violations).toEqual([])
  expect(loaded).toMatchObject({ device: target, bytes: { downloaded: MODEL.length } })
})

test('wasm takes threads under a strict policy', async () => {
  const { loaded, violations, threads } = await loadUnder(STRICT, { wasm: 'model.onnx' }, true)
  expect(violations).toEqual([])
  expect(loaded).toMatchObject({ device: 'wasm' })
  expect(threads).toBe(2)
})

test('a policy that forbids WebAssembly is named in one error', async () => {
  const { loaded } = await loadUnder("script-src 'self'", { webgpu: 'model.onnx', wasm: 'model.onnx' })
  expect(loaded.error).toMatchObject({ name: 'LoadError', code: 'LOAD_FAILED' })
  expect(loaded.error.message).toMatch(/int8-webgpu: failed: .*Content Security Policy[^]*int8-wasm: failed: .*Content Security Policy/)
})

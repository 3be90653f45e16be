import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { folder, tinyModel } from './harness.ts'

const HERE = fileURLToPath(new URL('..', import.meta.url))
let [cwd, built] = ['', '']

beforeAll(async () => {
  cwd = (await folder()).cwd
  await writeFile(join(cwd, 'tiny.onnx'), tinyModel())
  // From source, so that no build is needed; beside src, as dist is.
  built = await mkdtemp(join(HERE, 'dist-test-'))
  const bundle = await rolldown({
    input: join(HERE, 'src/bin.ts'),
    platform: 'node',
    external: (id) => !/^(\.|\/|@whittle\/)/.test(id),
    resolve: { conditionNames: ['@whittle/source', 'node', 'import'] },
  })
  await bundle.write({ file: join(built, 'bin.js'), format: 'esm', codeSplitting: false })
  await bundle.close()
})
afterAll(async () => {
  await rm(cwd, { recursive: true, force: true })
  await rm(built, { recursive: true, force: true })
})

/** Runs the program; `onError` sees what it writes on stderr while it runs. */
function program(args: string[], onError?: (kill: () => void) => void): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [join(built, 'bin.js'), ...args], { cwd })
  const text = { out: '', err: '' }
  child.stdout.on('data', (part) => (text.out += part))
  child.stderr.on('data', (part) => {
    text.err += part
    onError?.(() => child.kill('SIGINT'))
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...text })))
}

it('runs as a program, with clean output for pipes', async () => {
  const { code, out, err } = await program(['compress', 'tiny.onnx', 'int8', '--target', 'wasm', '--emit', 'onnx', '--json'])
  expect([code, err]).toEqual([0, ''])
  expect(JSON.parse(out).variants[0].files).toHaveLength(1)
})

it('tells an error by its exit code and one line', async () => {
  expect(await program(['inspect', 'nothing.onnx'])).toEqual({
    code: 1,
    out: '',
    err: 'whittle: nothing.onnx: there is no such file; check the path\n',
  })
  expect((await program(['inspect'])).code).toBe(2)
})

it.each([
  [
    'between two samples',
    `import { Tensor } from '@whittle/ir'; const sample = { inputs: { x: Tensor.float32([1, 8], new Float32Array(8)) } }`,
  ],
  ['though the data never come', 'const sample = undefined'],
])('ends on Ctrl-C: %s', async (_, head) => {
  const pause = 'await new Promise((go) => setTimeout(go, 10))'
  const samples = `async *samples() { console.error('ready'); for (;;) { ${pause}; if (sample) yield sample } }`
  await writeFile(join(cwd, 'slow.mjs'), `${head}\nexport default { key: 'k', ${samples} }`)
  let killed = false
  const { code, err } = await program(['compare', 'tiny.onnx', 'tiny.onnx', '--data', 'slow.mjs'], (kill) => {
    if (!killed) kill()
    killed = true
  })
  expect(err).toBe('ready\nwhittle: interrupted\n')
  expect(code).toBe(130)
})

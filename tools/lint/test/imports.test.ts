import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ESLint } from 'eslint'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))

// The repository's own configuration, on text: rules that ask the type checker want files on disk, so they are off here.
const eslint = new ESLint({
  cwd: root,
  overrideConfig: {
    languageOptions: { parserOptions: { projectService: false } },
    rules: {
      '@typescript-eslint/await-thenable': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-misused-promises': 'off',
      '@typescript-eslint/no-unused-vars': 'off',
    },
  },
})

async function lint(file: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(text, { filePath: path.join(root, file) })
  return result!.messages.map((message) => `${message.ruleId}: ${message.message}`)
}

describe('lint fails', () => {
  it.each([
    [
      'a transform that imports another transform',
      'packages/prune/src/x.ts',
      `import { simplify } from '@whittle/simplify'`,
      /may not import @whittle\/simplify/,
    ],
    ['an export from a forbidden package', 'packages/prune/src/x.ts', `export { simplify } from '@whittle/simplify'`, /may not import/],
    ['a forbidden package that is loaded late', 'packages/runtime/src/x.ts', `await import('@whittle/compiler')`, /may not import/],
    ['a forbidden type', 'packages/ir/src/x.ts', `export type X = import('@whittle/engine').X`, /may import nothing of ours/],
    ['a value where types alone are allowed', 'packages/targets/src/x.ts', `import { Model } from '@whittle/ir'`, /may import types only/],
    ['a bundler in ir', 'packages/ir/src/x.ts', `import 'vite'`, /belongs to a bundler/],
    ['a bundler in the compiler', 'packages/compiler/src/x.ts', `import type { Plugin } from 'rollup'`, /belongs to a bundler/],
    ['a codec in the graph', 'packages/ir/src/graph.ts', `import { create } from '@bufbuild/protobuf'`, /is a codec/],
    ['Node in ir', 'packages/ir/src/onnx/read.ts', `import { readFileSync } from 'node:fs'`, /is Node's: ir runs anywhere/],
    ['Node in the runtime', 'packages/runtime/src/x.ts', `import { readFile } from 'fs/promises'`, /is Node's/],
    ["one of Node's globals in a transform", 'packages/quantize/src/x.ts', `export const home = process.env.HOME`, /runs anywhere/],
    ['a deep import', 'packages/compiler/src/x.ts', `import { x } from '@whittle/ir/src/graph.ts'`, /is a deep import/],
    ['a deep import in a test', 'packages/compiler/test/x.test.ts', `import { x } from '@whittle/ir/graph'`, /is a deep import/],
    ['a path into another package', 'packages/compiler/src/x.ts', `import { x } from '../../ir/src/graph.ts'`, /reaches into packages\/ir/],
    [
      'a path into another package from a tool',
      'tools/bench/src/x.ts',
      `import { x } from '../../../packages/ir/src/graph.ts'`,
      /reaches into packages\/ir/,
    ],
    ['a source that imports a test', 'packages/ir/src/x.ts', `import { x } from '../test/helper.ts'`, /leaves the sources/],
    ['console in a package', 'packages/engine/src/x.ts', `console.log(1)`, /no-console/],
    ['a skipped test', 'packages/ir/test/x.test.ts', `import { it } from 'vitest'\nit.skip('x', () => {})`, /no-restricted-properties/],
  ])('on %s', async (_, file, text, message) => {
    const messages = await lint(file, text)
    expect(messages).toHaveLength(1)
    expect(messages[0]).toMatch(message)
  })
})

describe('lint passes', () => {
  it.each([
    ['a transform that imports ir', 'packages/prune/src/x.ts', `import { Model } from '@whittle/ir'\nexport const x = Model`],
    ['a published subpath', 'packages/compiler/src/x.ts', `export * from '@whittle/ir/onnx'`],
    [
      'types where types alone are allowed',
      'packages/targets/src/x.ts',
      `import type { ElementType } from '@whittle/ir'\nexport type X = ElementType`,
    ],
    ['types marked one by one', 'packages/targets/src/x.ts', `export { type ElementType } from '@whittle/ir'`],
    ['Node in the one file of ir that reads files', 'packages/ir/src/onnx/file.ts', `export { readFileSync } from 'node:fs'`],
    ['the codec below ir/onnx', 'packages/ir/src/onnx/x.ts', `export { create } from '@bufbuild/protobuf'`],
    ['a bundler in the plugin', 'packages/rollup-plugin/src/x.ts', `export type { Plugin } from 'vite'`],
    ['a test that imports across the table', 'packages/prune/test/x.test.ts', `export { simplify } from '@whittle/simplify'`],
  ])('on %s', async (_, file, text) => {
    expect(await lint(file, text)).toEqual([])
  })
})

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Manifest, Port } from '@whittle/targets'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { declarations, type DeclaredImport } from '../src/declarations.ts'

const root = mkdtempSync(path.join(tmpdir(), 'whittle-types-'))
for (const name of ['net.onnx', 'other.onnx']) writeFileSync(path.join(root, name), '')

const X: Port = { name: 'x', elementType: 'float32', dims: ['N', 3, 48, 192] }
const Y: Port = { name: 'y.out', elementType: 'int64', dims: [] }

function imported(file: string, query: string, inputs: Port[] = [X], outputs: Port[] = [Y]): DeclaredImport {
  const manifest: Manifest = {
    format: 1,
    name: 'net',
    query,
    source: { file, bytes: 1, brotli: 1 },
    inputs,
    outputs,
    variants: [],
  }
  return { file: path.join(root, file), query, manifest }
}

/** The messages of the compiler for an app that has the declarations. */
function check(text: string, app: string): string[] {
  writeFileSync(path.join(root, 'whittle-models.d.ts'), text)
  writeFileSync(path.join(root, 'app.ts'), app)
  const runtime = fileURLToPath(new URL('../../runtime/src/index.ts', import.meta.url))
  const program = ts.createProgram([path.join(root, 'app.ts'), path.join(root, 'whittle-models.d.ts')], {
    noEmit: true,
    strict: true,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    customConditions: ['@whittle/source'],
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: [],
    paths: { '@whittle/runtime': [runtime] },
  })
  return ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => !file || file.fileName.startsWith(root.split(path.sep).join('/')))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n').split('\n')[0]!)
}

describe('declarations', () => {
  test('give each query as written its names, element types and dimensions', () => {
    const text = declarations([imported('net.onnx', 'int8&prune=0.3')], root)
    expect(text).toContain(`// net.onnx\ndeclare module '*/net.onnx?int8&prune=0.3' {`)
    const app = (run: string) => `
      import model from './net.onnx?int8&prune=0.3'
      import { tensor } from '@whittle/runtime'
      const session = await model.load()
      const outputs = await session.run({ ${run} })
      const value: bigint | undefined = outputs['y.out'].data[0]
      export { value }`
    expect(check(text, app('x: tensor(new Float32Array(27648), [1, 3, 48, 192])'))).toEqual([])
    expect(check(text, app('x: tensor(new Float32Array(27648), [3, 48, 192])'))).not.toEqual([])
    expect(check(text, app('x: tensor(new Float64Array(27648), [1, 3, 48, 192])'))).not.toEqual([])
    expect(check(text, app('image: tensor(new Float32Array(27648), [1, 3, 48, 192])'))).not.toEqual([])
  })

  test('type what as= asks for, and a bare import that no build has seen', () => {
    const text = declarations([imported('net.onnx', 'int8&as=url'), imported('net.onnx', '')], root)
    const app = `
      import url from './net.onnx?int8&as=url'
      import manifest, { urls } from './other.onnx?as=manifest'
      import model from './net.onnx'
      import other from './other.onnx'
      const inputs: Parameters<Awaited<ReturnType<typeof model.load>>['run']>[0] = { x: { type: 'float32', data: new Float32Array(1), dims: [1, 3, 48, 192] } }
      void (await other.load()).run({ anything: inputs.x })
      export const all: [string, string, string] = [url, manifest.name, urls['a']!]
      const wrong: number = url`
    expect(check(text, app)).toEqual([`Type 'string' is not assignable to type 'number'.`])
  })

  test('keep what an earlier run declared while its model is there, and take new types for what is imported again', () => {
    const first = declarations([imported('net.onnx', 'int8'), imported('other.onnx', 'fp16'), imported('gone.onnx', 'int8')], root)
    const second = declarations([imported('net.onnx', 'int8', [{ ...X, elementType: 'uint8' }])], root, first)
    expect(second).toContain(`'*/other.onnx?fp16'`)
    expect(second).not.toContain('gone.onnx')
    expect(second).toContain(`Tensor<'uint8', readonly [number, 3, 48, 192]>`)
    expect(second.match(/'\*\/net\.onnx\?int8'/g)).toHaveLength(1)
    expect(declarations([imported('net.onnx', 'int8', [{ ...X, elementType: 'uint8' }])], root, second)).toBe(second)
  })

  test('name both models when two of one name have different types, and share one type where they are equal', () => {
    const two = (dims: Port['dims']) => [imported('a/net.onnx', 'int8'), imported('b/net.onnx', 'int8', [{ ...X, dims }])]
    expect(() => declarations(two([1]), root)).toThrow(/a\/net\.onnx and b\/net\.onnx have one name and different types/)
    expect(declarations(two(X.dims), root).match(/declare module '\*\/net/g)).toHaveLength(1)
  })

  test('type an element type that no browser runtime takes as any', () => {
    expect(declarations([imported('net.onnx', '', [{ ...X, elementType: 'bfloat16' }])], root)).toContain(
      `Tensor<import('@whittle/runtime').ElementType, readonly [number, 3, 48, 192]>`,
    )
  })

  test('are the same text whatever the order of the imports', () => {
    const both = [imported('net.onnx', 'int8'), imported('other.onnx', 'fp16')]
    expect(declarations(both, root)).toBe(declarations([...both].reverse(), root))
  })
})

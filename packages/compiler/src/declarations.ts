import { existsSync } from 'node:fs'
import path from 'node:path'
import { OptionError } from '@whittle/ir'
import type { Manifest, Port } from '@whittle/targets'

/** One import of a model, as the app writes it. */
export interface DeclaredImport {
  /** Absolute path of the model. */
  readonly file: string
  /** As written, without the `?`; empty for a bare import. */
  readonly query: string
  readonly manifest: Manifest
}

interface Block {
  readonly file: string
  readonly pattern: string
  readonly body: string
}

const HEAD = `// The exact types of this project's model imports, written by Whittle. Commit this file, and leave it to Whittle.
`

/**
 * A module pattern takes one star, so no pattern covers every query. Patterns of equal weight win in the order in which they are declared,
 * hence these come last.
 */
const FALLBACK = `
declare module '*.onnx' {
  const model: import('@whittle/runtime').Model
  export default model
}

declare module '*.tflite' {
  const model: import('@whittle/runtime').Model
  export default model
}

declare module '*as=url' {
  const url: string
  export default url
}

declare module '*as=manifest' {
  const manifest: import('@whittle/runtime').Manifest
  export default manifest
  /** The address of each of the manifest's files, by its path. */
  export const urls: Readonly<Record<string, string>>
}

declare module '*as=report' {
  const report: import('@whittle/rollup-plugin').CompileReport
  export default report
}
`

/** Element types that the browser's runtime gives and takes. Others are typed as any tensor. */
const RUNTIME_TYPES = new Set('float32 float64 float16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool string'.split(' '))

/**
 * The text of `whittle-models.d.ts`: one ambient module per query as written.
 *
 * `previous` is the file's text so far: what it declares besides `imports` stays, while the model is there.
 * @throws {OptionError} TYPES_COLLIDE, when two models of one name and query have different types: a pattern cannot tell their folders apart.
 */
export function declarations(imports: readonly DeclaredImport[], root: string, previous = ''): string {
  const blocks = new Map<string, Block>()
  for (const block of imports.map((one) => blockOf(one, root))) {
    const other = blocks.get(block.pattern)
    if (other && other.body !== block.body) throw collision(other, block)
    if (!other || block.file < other.file) blocks.set(block.pattern, block)
  }
  for (const block of parse(previous)) {
    if (!blocks.has(block.pattern) && existsSync(path.resolve(root, block.file))) blocks.set(block.pattern, block)
  }
  const sorted = [...blocks.values()].sort((a, b) => (a.pattern < b.pattern ? -1 : 1))
  return HEAD + sorted.map(({ file, pattern, body }) => `\n// ${file}\ndeclare module '${pattern}' {\n${body}}\n`).join('') + FALLBACK
}

function blockOf({ file, query, manifest }: DeclaredImport, root: string): Block {
  const relative = path.relative(root, file).split(path.sep).join('/')
  const pattern = `*/${path.basename(file)}${query && `?${query}`}`.replaceAll("'", "\\'")
  return { file: relative, pattern, body: bodyOf(query, manifest) }
}

function bodyOf(query: string, manifest: Manifest): string {
  switch (/(?:^|&)as=(url|manifest|report)(?=&|$)/.exec(query)?.[1]) {
    case 'url':
      return `  const url: string\n  export default url\n`
    case 'manifest':
      return `  const manifest: import('@whittle/runtime').Manifest\n  export default manifest\n  export const urls: Readonly<Record<string, string>>\n`
    case 'report':
      return `  const report: import('@whittle/rollup-plugin').CompileReport\n  export default report\n`
    default:
      return `  const model: import('@whittle/runtime').Model<\n    ${record(manifest.inputs)},\n    ${record(manifest.outputs)}\n  >\n  export default model\n`
  }
}

function record(ports: readonly Port[]): string {
  return ports.length > 0 ? `{ ${ports.map((port) => `${JSON.stringify(port.name)}: ${tensorOf(port)}`).join('; ')} }` : '{}'
}

function tensorOf({ elementType, dims }: Port): string {
  const axes = dims.map((dim) => (typeof dim === 'number' ? dim : 'number')).join(', ')
  const type = RUNTIME_TYPES.has(elementType) ? `'${elementType}'` : `import('@whittle/runtime').ElementType`
  return `import('@whittle/runtime').Tensor<${type}, readonly [${axes}]>`
}

function collision(one: Block, other: Block): OptionError {
  return new OptionError(
    'TYPES_COLLIDE',
    `${one.file} and ${other.file} have one name and different types, and TypeScript cannot tell imports of '${one.pattern}' apart by their folders; rename one of the two models`,
  )
}

/** The blocks of an earlier text that name their model. */
function parse(text: string): Block[] {
  const blocks = text.replaceAll('\r\n', '\n').matchAll(/^\/\/ (.+)\ndeclare module '(.+)' \{\n((?: .*\n)*)\}$/gm)
  return [...blocks].map(([, file = '', pattern = '', body = '']) => ({ file, pattern, body }))
}

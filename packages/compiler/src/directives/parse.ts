import { OptionError, invalidOption } from '@whittle/ir'
import { distance } from 'fastest-levenshtein'
import type { Alternative, Directive, Request } from './directive.ts'
import { DIRECTIVES, TRANSFORM_OPTIONS } from './table.ts'

/** Queries of bundlers that are not ours and say nothing of the model. */
const BUNDLER_KEYS = new Set(['import', 't', 'v', 'html-proxy'])
/** Queries by which a bundler takes the file for itself. */
const BUNDLER_OUTPUTS = new Set(['url', 'raw', 'inline', 'no-inline', 'worker', 'sharedworker'])

/** One directive as written. */
interface Piece {
  key: string
  value?: string
}

/**
 * Whether an id names a model that Whittle compresses: an `.onnx` or `.tflite` file whose query is not the bundler's own, or a `.json` file
 * (TensorFlow.js) whose query holds a directive.
 */
export function isModelImport(id: string): boolean {
  const [path, query = ''] = splitQuery(id)
  const parts = query.split('&')
  if (!/\.(onnx|tflite|json)$/i.test(path) || path.startsWith('\0') || parts.some((part) => BUNDLER_OUTPUTS.has(part))) return false
  return !/\.json$/i.test(path) || parts.some(isDirective)
}

/** Plain JSON is imported with queries too, so that only a directive as it must be written makes a model of it. */
function isDirective(part: string): boolean {
  const [first = ''] = part.split(';')
  const [key = '', value] = first.split('=')
  const row = DIRECTIVES.find((directive) => directive.name === key)
  return row ? (row.value === undefined) === (value === undefined) : Object.hasOwn(TRANSFORM_OPTIONS, key)
}

/** An id's path, and its query without the `?`; undefined where it has none. */
export function splitQuery(id: string): [path: string, query: string | undefined] {
  const at = id.indexOf('?')
  return at < 0 ? [id, undefined] : [id.slice(0, at), id.slice(at + 1)]
}

/** The same directives in one order, without what bundlers add: two spellings of one request are one module. */
export function canonicalQuery(query: string): string {
  return partsOf(query).sort().join('&')
}

/** What an import gives to the app. Does not check the rest of the query. */
export function queryOutput(query: string): Request['output'] {
  const part = partsOf(query).findLast((item) => item.startsWith('as='))
  const output = part?.slice('as='.length)
  return output === 'url' || output === 'manifest' || output === 'report' ? output : 'model'
}

/**
 * Reads a query. The order of directives does not matter; `;` separates alternatives, which multiply.
 * @param defaults directives that stand where the query has none of the same name.
 * @param presets queries by name.
 * @throws {OptionError} naming an unknown, contradictory or impossible directive, and the nearest valid one.
 */
export function parseQuery(
  query: string,
  { defaults = '', presets = {} }: { defaults?: string; presets?: Record<string, string> } = {},
): Request {
  const groups = expand(query, presets)
  const taken = new Set(groups.map(groupName))
  groups.push(...expand(defaults, presets).filter((group) => !taken.has(groupName(group))))
  const seen = new Map<string, string>()
  const request: Request = { alternatives: [{ options: {} }], output: 'model' }
  for (const group of groups) {
    const name = groupName(group)
    const text = group.map(show).join(';')
    const other = seen.get(name)
    if (other === text) continue
    if (other !== undefined)
      throw new OptionError(
        'DIRECTIVE_CONTRADICTION',
        `'${other}' and '${text}' contradict each other: write one of them, or '${other};${text}' for both`,
      )
    seen.set(name, text)
    const before = request.alternatives
    const after = before.flatMap((alternative) => group.flatMap((piece, index) => branch(piece, index, alternative, request)))
    // Targets and runtimes multiply into variants by themselves: each alternative gets all of them.
    request.alternatives = name === 'target' || name === 'runtime' ? before : after
  }
  return request
}

/** The alternatives that one piece makes of one. */
function branch(piece: Piece, index: number, alternative: Alternative, request: Request): Alternative[] {
  const copy: Alternative = { ...alternative, options: { ...alternative.options } }
  if (piece.key in TRANSFORM_OPTIONS) {
    setOption(piece, copy)
    return [copy]
  }
  const directive = find(piece)
  if (index > 0 && !directive.multiplies)
    throw new OptionError(
      'DIRECTIVE_ALTERNATIVES',
      `'${directive.name}' takes one value: ';' gives alternatives of ${multiplying().join(', ')}`,
    )
  if (directive.value === undefined && piece.value !== undefined)
    throw new OptionError('DIRECTIVE_INVALID', `'${directive.name}' takes no value, received '${show(piece)}'`)
  if (!directive.apply!(piece.value ?? '', copy, request))
    throw new OptionError(
      'DIRECTIVE_INVALID',
      `${directive.name}: expected ${directive.value}, received '${piece.value ?? ''}'; for example ${directive.example}`,
    )
  return [copy]
}

function find({ key }: Piece): Directive {
  const directive = DIRECTIVES.find((row) => row.name === key)
  if (directive?.planned) throw new OptionError('DIRECTIVE_PLANNED', `the directive '${key}' is not in this version of Whittle`)
  if (directive) return directive
  const known = [...DIRECTIVES.filter((row) => !row.planned).map((row) => row.name), ...Object.keys(TRANSFORM_OPTIONS)]
  const nearest = known.map((name) => ({ name, far: distance(name, key) })).sort((a, b) => a.far - b.far)[0]!
  const hint = nearest.far <= Math.max(2, key.length / 3) ? `did you mean '${nearest.name}'?` : `known are ${known.join(', ')}`
  throw new OptionError('DIRECTIVE_UNKNOWN', `unknown directive '${key}': ${hint}`)
}

function setOption({ key, value }: Piece, into: Alternative): void {
  const form = TRANSFORM_OPTIONS[key]!
  const dot = key.indexOf('.')
  const valid = form === 'number' ? value !== undefined && value !== '' && Number.isFinite(Number(value)) : form.includes(value ?? '')
  if (!valid) throw invalidOption(key.slice(0, dot), key.slice(dot + 1), form === 'number' ? 'a number' : form.join(' or '), value)
  into.options[key] = value!
}

function expand(query: string, presets: Record<string, string>, depth = 0): Piece[][] {
  if (depth > 8) throw new OptionError('PRESET_CYCLE', `the presets of whittle.config name each other in a circle`)
  return partsOf(query).flatMap((part) => {
    const preset = Object.hasOwn(presets, part) ? presets[part] : undefined
    return preset === undefined ? [pieces(part)] : expand(preset, presets, depth + 1)
  })
}

/** `int8;fp16` is two pieces, and so is `prune=0.3;0.5`: a piece without a key has that of the one before it. */
function pieces(part: string): Piece[] {
  const result: Piece[] = []
  for (const text of part.split(';')) {
    const at = text.indexOf('=')
    const previous = result.at(-1)
    if (at >= 0) result.push({ key: text.slice(0, at), value: text.slice(at + 1) })
    else if (previous?.value !== undefined && !DIRECTIVES.some((row) => row.name === text && row.value === undefined))
      result.push({ key: previous.key, value: text })
    else result.push({ key: text })
  }
  return result
}

/** Directives of one group exclude each other: all number formats are one. */
function groupName(group: Piece[]): string {
  const { key } = group[0]!
  return DIRECTIVES.find((row) => row.name === key)?.group ?? key
}

function show({ key, value }: Piece): string {
  return value === undefined ? key : `${key}=${value}`
}

function multiplying(): string[] {
  return DIRECTIVES.filter((row) => row.multiplies).map((row) => row.name)
}

function partsOf(query: string): string[] {
  return decode(query)
    .replace(/^\?/, '')
    .split('&')
    .filter((part) => part !== '' && !BUNDLER_KEYS.has(part.split('=')[0]!))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new OptionError('QUERY_INVALID', `the query '${text}' holds a '%' that is not an escape`)
  }
}

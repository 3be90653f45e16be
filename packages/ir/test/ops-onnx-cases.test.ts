import { type Dim, Tensor, type Value, inferShapes, opTable } from '@whittle/ir'
import { expect, test } from 'vitest'
import { type CaseValue, type NodeCase, modelOf, readCases, textOf } from './node-cases.ts'

/** Cases of ops at versions that mean something else than they do inside: the reader upgrades such models. */
const OTHER_SEMANTICS = /^(dft_.*opset19|scan_sum|scatter_with(out)?_axis|upsample_nearest)$/

/** Where only a run tells the shape, or a type is beyond the IR; every miss has its reason here. */
const REASONS: [cases: RegExp, why: string][] = [
  [/^image_decoder_/, 'the size of a picture is in its bytes'],
  [/^nonmaxsuppression_/, 'how many boxes stay depends on their scores'],
  [/^unique_/, 'how many elements differ depends on them'],
  [/^string_split_/, 'how many parts a string has depends on it'],
  [/^strnormalizer_/, 'how many strings are no stop words depends on them'],
  [/^range_(b?float16)_/, 'the bounds are not in the fixture'],
  [/^loop/, 'how long a loop runs depends on its condition'],
  [/^compress_|^nonzero_/, 'the elements that count are too many for the fixture'],
]

/** The tensor in a sequence or an optional: nodes that take it out are added. */
function unwrap(value: Value, declared: CaseValue): { value: Value; declared: CaseValue } {
  if (declared[0] !== 'seq' && declared[0] !== 'optional') return { value, declared }
  const { graph } = value
  const op = declared[0] === 'seq' ? 'SequenceAt' : 'OptionalGetElement'
  const at = declared[0] === 'seq' ? [graph.addInitializer('at', Tensor.int64([], [0]))] : []
  return unwrap(graph.addNode({ op, inputs: [value, ...at], outputs: ['element'] }).output, declared[1] as CaseValue)
}

interface Miss {
  name: string
  inferred: string
  declared: string
}

/** Every tensor that a case declares: reached, missed (nothing wrong is said) or contradicted. */
function compare(item: NodeCase): { reached: number; missed: Miss[]; wrong: Miss[] } {
  const model = modelOf(item)
  const values = Object.values(item.o).map((declared, index) => unwrap(model.graph.outputs[index]!, declared))
  model.graph.setOutputs(values.map(({ value }) => value))
  inferShapes(model)
  const result = { reached: 0, missed: [] as Miss[], wrong: [] as Miss[] }
  for (const { value, declared } of values) {
    const [type, dims] = declared as [string, Dim[] | null]
    const inferred = `${value.elementType}[${value.shape?.join(',') ?? '?'}]`
    const miss = { name: item.n, inferred, declared: textOf(declared) }
    const fits = (dim: Dim, axis: number): boolean => typeof dim === 'string' || typeof dims![axis] === 'string' || dim === dims![axis]
    const contradicts =
      (value.elementType !== undefined && value.elementType !== type) ||
      (dims && value.shape && (dims.length !== value.shape.length || !value.shape.every(fits)))
    if (contradicts) result.wrong.push(miss)
    else if (
      value.elementType &&
      (!dims || (value.shape?.every((dim, axis) => dim === dims[axis] || typeof dims[axis] === 'string') ?? false))
    )
      result.reached++
    else result.missed.push(miss)
  }
  return result
}

test("inference contradicts none of ONNX's own cases, and reaches at least 95 % of their shapes; each miss has a reason", () => {
  const results = readCases()
    .filter((item) => !OTHER_SEMANTICS.test(item.n))
    .map(compare)
  const missed = results.flatMap((result) => result.missed)
  const reached = results.reduce((sum, result) => sum + result.reached, 0)
  expect(results.flatMap((result) => result.wrong)).toEqual([])
  expect(missed.filter(({ name }) => !REASONS.some(([cases]) => cases.test(name)))).toEqual([])
  expect(results.length).toBeGreaterThan(1300)
  expect(reached / (reached + missed.length)).toBeGreaterThan(0.95)
  // A reason that no case needs any more goes.
  expect(REASONS.filter(([cases]) => !missed.some(({ name }) => cases.test(name)))).toEqual([])
})

test('every op of the cases has a rule', () => {
  const ops = new Set(
    readCases()
      .filter((item) => !OTHER_SEMANTICS.test(item.n))
      .flatMap((item) => item.g.map(([op]) => op)),
  )
  expect(ops.size).toBeGreaterThan(180)
  expect([...ops].filter((op) => !opTable.some((row) => row.type === op && row.infer))).toEqual([])
})

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { elementTypes, opTable } from '@whittle/ir'
import { HOST_VALUES, OPERATOR_LIMITS, OPERATOR_LISTS, TARGETS, findTargets, operatorFacts } from '@whittle/targets'
import { resolveConfig } from 'prettier'
import { describe, expect, test } from 'vitest'

interface List {
  readonly name: 'webgpu' | 'webnn'
  readonly file: string
  readonly columns: readonly string[]
}
interface Generator {
  readonly LISTS: readonly List[]
  parseOperatorList(text: string, columns: readonly string[]): unknown
  operatorListText(list: List, text: string, version: string, today: string, before: string, style: object): Promise<string>
}

const { LISTS, parseOperatorList, operatorListText } = (await import(
  new URL('../../../tools/generate/operator-lists-text.mjs', import.meta.url).href
)) as Generator
const installed = fileURLToPath(new URL('../../../node_modules/onnxruntime-web', import.meta.url))
const { version } = JSON.parse(readFileSync(`${installed}/package.json`, 'utf8')) as { version: string }

describe.each(LISTS)('$name: the list of the installed onnxruntime-web', ({ name, file, columns }) => {
  const list = readFileSync(`${installed}/docs/${file}`, 'utf8')

  test('is what the committed table holds: run node tools/generate/operator-lists.mjs where it is not', async () => {
    const committed = fileURLToPath(new URL(`../src/operators/${name}.ts`, import.meta.url))
    const before = readFileSync(committed, 'utf8')
    const style = { ...(await resolveConfig(committed)), filepath: committed }
    expect(await operatorListText({ name, file, columns }, list, version, '2000-01-01', before, style)).toBe(before)
    expect(OPERATOR_LISTS[name].rows).toEqual(parseOperatorList(list, columns))
  })

  test('changes the table, and its date, when a row changes', async () => {
    const other = list.replace('| Abs |', '| Absolute |')
    const text = await operatorListText({ name, file, columns }, other, version, '2000-01-01', '', { parser: 'typescript' })
    expect([text.includes("op: 'Absolute'"), /date: .2000-01-01./.test(text)]).toEqual([true, true])
  })

  test('has a row for each line of its table, also where lines end in CR LF', () => {
    const lines = list.split('\n').filter((line) => /^\| \w+ ?\| (ai|com)\./.test(line))
    expect(OPERATOR_LISTS[name].rows).toHaveLength(lines.length)
    expect(parseOperatorList(list.replaceAll(/\r?\n/g, '\r\n'), columns)).toEqual(OPERATOR_LISTS[name].rows)
  })
})

test('reads the forms that the lists use', () => {
  const table = ['| Operator | Opset | Comments |', '|:-:|:-:|---|', '| Gelu | ai.onnx(7-9, 10,20+); com.microsoft(1+) | slow |', ''].join(
    '\n',
  )
  expect(parseOperatorList(table, ['Operator', 'Opset', 'Comments'])).toEqual([
    {
      op: 'Gelu',
      opsets: {
        'ai.onnx': [
          [7, 9],
          [10, 10],
          [20, null],
        ],
        'com.microsoft': [[1, null]],
      },
      comments: 'slow',
    },
  ])
})

test.each([
  ['no table', 'no table with the columns'],
  ['| Operator | Opset | Comments |\n|-|-|-|\n| Abs | ai.onnx(seven) |  |', "not a range of versions: 'seven'"],
  ['| Operator | Opset | Comments |\n|-|-|-|\n| Abs | all |  |', "not a list of versions: 'all'"],
  ['| Operator | Opset | Comments |\n|-|-|-|\n| Abs | ai.onnx(7+) |', 'not a row of the table'],
])('refuses a list that it does not understand: %j', (text, message) => {
  expect(() => parseOperatorList(text, ['Operator', 'Opset', 'Comments'])).toThrow(message)
})

describe('the overlay', () => {
  const rows = [...OPERATOR_LIMITS, ...HOST_VALUES]

  test('is plain JSON, and each row says where it is from, and when', () => {
    expect(JSON.parse(JSON.stringify(rows))).toEqual(rows)
    for (const { source } of rows) {
      expect(source.how.length).toBeGreaterThan(40)
      expect(new Date(source.date).toISOString().slice(0, 10)).toBe(source.date)
    }
  })

  test('names ops that the op table or a list has, and element types that there are', () => {
    const known = new Set(opTable.map(({ type }) => type))
    const listed = new Set(Object.values(OPERATOR_LISTS).flatMap((list) => list.rows.map(({ op }) => op)))
    for (const { ops } of rows) for (const type of ops) expect(known.has(type) || listed.has(type), type).toBe(true)
    for (const { inputTypes, outputTypes } of OPERATOR_LIMITS)
      for (const type of [...Object.values(inputTypes ?? {}).flat(), ...(outputTypes ?? [])]) expect(elementTypes).toContain(type)
  })

  test('limits only ops that the provider has', () => {
    for (const { provider, deviceType = 'cpu', ops } of OPERATOR_LIMITS)
      for (const type of ops)
        if (provider !== 'wasm')
          expect(operatorFacts({ provider, deviceType: provider === 'webnn' ? deviceType : undefined }, type).versions, type).not.toEqual(
            [],
          )
  })
})

describe('operatorFacts', () => {
  const facts = (target: string, type: string) => operatorFacts(findTargets(target)[0]!, type)

  test('knows what a provider has kernels for, in which versions', () => {
    expect(facts('webgpu', 'Conv').versions).toEqual([
      [1, 10],
      [11, null],
    ])
    expect(facts('webgpu', 'com.microsoft.MatMulNBits').versions).toEqual([[1, null]])
    for (const type of ['QuantizeLinear', 'DynamicQuantizeLinear', 'MatMulInteger', 'com.microsoft.Conv', 'Toaster'])
      expect(facts('webgpu', type).versions, type).toEqual([])
    expect(facts('webnn-npu', 'QuantizeLinear').versions).not.toEqual([])
    expect(facts('wasm', 'Toaster').versions).toBeUndefined()
  })

  test('takes the overlay for what the installed provider is measured to do: no Clip before version 11, LSTM though it is not listed', () => {
    expect(facts('webgpu', 'Clip').versions).toEqual([[11, null]])
    expect(facts('webgpu', 'LSTM').versions).toEqual([[21, null]])
  })

  test('tells limits of one kind of device only there', () => {
    const ofCpu = facts('webnn-cpu', 'DequantizeLinear').limits.filter(({ deviceType }) => deviceType)
    expect(ofCpu).toHaveLength(1)
    expect(facts('webnn-npu', 'DequantizeLinear').limits.filter(({ deviceType }) => deviceType)).toEqual([])
  })
})

test('limits are those that the standards promise', () => {
  for (const { name, limits } of TARGETS) {
    if (name.startsWith('webgpu')) expect(limits).toEqual({ buffer: 268435456, binding: 134217728 })
    else if (name === 'wasm') expect(limits).toEqual({ memory: 4294967296 })
    else expect(limits).toBeUndefined()
  }
})

test('the back ends of each kind of WebNN device are named', () => {
  const names = (target: string) => findTargets(target)[0]!.backEnds?.map(({ name }) => name)
  expect(names('webnn-cpu')).toEqual(['LiteRT', 'Core ML'])
  expect(names('webnn-npu')).toEqual(['LiteRT', 'Core ML', 'Windows ML', 'OpenVINO'])
  expect(names('webgpu')).toBeUndefined()
})

import { opTable } from '@whittle/ir'
import { newestOpset, opsOf, schemaOf, schemasOf } from '@whittle/ir/schemas'
import { describe, expect, test } from 'vitest'

describe('a schema', () => {
  test('is that of the opset, with attributes, arity and types', () => {
    const conv = schemaOf('', 'Conv', 21)!
    expect(conv).toMatchObject({ op: 'Conv', since: 11, deprecated: false, isFunction: false, arity: { inputs: [2, 3], outputs: [1, 1] } })
    expect(conv.inputs.map(({ name, optional }) => [name, optional])).toEqual([
      ['X', false],
      ['W', false],
      ['B', true],
    ])
    expect(conv.inputs[0]!.types).toEqual(['float16', 'float32', 'float64'])
    expect(schemaOf('', 'Conv', 22)!.inputs[0]!.types).toContain('bfloat16')
    expect(conv.attributes).toContainEqual({ name: 'group', type: 'int', required: false, default: 1 })
    expect(schemaOf('', 'Cast', 21)!.attributes).toContainEqual({ name: 'to', type: 'int', required: true })
  })

  test('knows variadic inputs, sequences and functions', () => {
    expect(schemaOf('', 'Concat', 21)).toMatchObject({ arity: { inputs: [1, Infinity] }, inputs: [{ variadic: true, mixed: false }] })
    expect(schemaOf('', 'Loop', 21)).toMatchObject({ arity: { inputs: [2, Infinity], outputs: [1, Infinity] }, outputs: [{ mixed: true }] })
    expect(schemaOf('', 'SequenceAt', 21)!.inputs[0]!.types).toContain('seq(float32)')
    expect(schemaOf('', 'Gelu', 21)!.isFunction).toBe(true)
  })

  test('is not there before its op came, and deprecated after its op went', () => {
    expect(schemaOf('', 'Gelu', 19)).toBeUndefined()
    expect(schemaOf('', 'Upsample', 9)!.deprecated).toBe(false)
    expect(schemaOf('', 'Upsample', 21)!.deprecated).toBe(true)
    expect(schemaOf('', 'NoSuchOp', 21)).toBeUndefined()
    expect(schemasOf('', 'Relu').map(({ since }) => since)).toEqual([1, 6, 13, 14])
  })

  test('is there for classical learners and for the ops of onnxruntime', () => {
    expect(schemaOf('ai.onnx.ml', 'TreeEnsemble')!.since).toBe(5)
    expect(schemaOf('com.microsoft', 'MatMulNBits')!.attributes).toContainEqual({ name: 'K', type: 'int', required: true })
    expect(schemaOf('com.microsoft', 'SkipLayerNormalization')!.outputs).toHaveLength(4)
  })

  test('can be read for every op of every domain', () => {
    for (const domain of ['', 'ai.onnx.ml', 'com.microsoft'])
      for (const op of opsOf(domain))
        for (const schema of schemasOf(domain, op)) {
          expect(schema).toMatchObject({ domain, op })
          for (const parameter of [...schema.inputs, ...schema.outputs])
            expect(parameter.types.length, `${op} ${parameter.name}`).toBeGreaterThan(0)
        }
  })
})

describe('the op table', () => {
  const types = new Set(opTable.map((row) => row.type))

  test('has a row for every op that ai.onnx has from opset 21 on', () => {
    const current = new Set(Array.from({ length: newestOpset - 20 }, (_, index) => opsOf('', index + 21)).flat())
    expect(current.size).toBeGreaterThan(200)
    expect([...current].filter((op) => !types.has(op))).toEqual([])
  })

  test('names inputs that the schemas have', () => {
    const wrong = opTable.flatMap(({ type, weights = [] }) => {
      const dot = type.lastIndexOf('.')
      const schema = schemaOf(dot < 0 ? '' : type.slice(0, dot), type.slice(dot + 1))
      // onnxruntime knows this one under ai.onnx, without ONNX knowing it.
      if (!schema) return type === 'SimplifiedLayerNormalization' ? [] : [`${type} has no schema`]
      return weights.filter(({ input }) => input >= schema.arity.inputs[1]).map(({ input }) => `${type} has no input ${input}`)
    })
    expect(wrong).toEqual([])
  })

  test('calls random what a generator of random numbers gives, and nothing else', () => {
    expect(
      opTable
        .filter((row) => row.deterministic === false)
        .map((row) => row.type)
        .toSorted(),
    ).toEqual(['Bernoulli', 'Multinomial', 'RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike'])
  })
})

import { describe, expect, it } from 'vitest'
import { DIRECTIVES, canonicalQuery, isModelImport, parseQuery, queryOutput } from '../src/index.ts'

const message = (query: string, options?: Parameters<typeof parseQuery>[1]): string => {
  try {
    parseQuery(query, options)
  } catch (error) {
    return (error as Error).message
  }
  return 'no error'
}

describe('a query', () => {
  it('means the same in any order', () => {
    expect(parseQuery('prune=0.3&int8')).toEqual(parseQuery('int8&prune=0.3'))
    expect(canonicalQuery('prune=0.3&int8')).toBe(canonicalQuery('int8&prune=0.3'))
  })

  it('multiplies alternatives', () => {
    const { alternatives } = parseQuery('int8;fp16&prune=0.3;0.5')
    expect(alternatives.map(({ format, prune }) => `${format!.name} ${prune!.ratio}`)).toEqual([
      'int8 0.3',
      'int8 0.5',
      'fp16 0.3',
      'fp16 0.5',
    ])
  })

  it('does not multiply by targets, wherever they stand', () => {
    for (const query of ['int8;fp16&target=wasm;webgpu', 'target=wasm;webgpu&int8;fp16']) {
      const { alternatives, targets } = parseQuery(query)
      expect(alternatives).toHaveLength(2)
      expect(targets!.map((target) => target.name)).toEqual(['wasm', 'webgpu'])
    }
  })

  it('takes webnn as the name of its three targets', () => {
    expect(parseQuery('target=webnn').targets).toHaveLength(3)
  })

  it('reads patterns, scopes, sizes and options of transforms', () => {
    expect(parseQuery('prune=2:4').alternatives[0]!.prune).toEqual({ pattern: '2:4' })
    expect(parseQuery('prune=0.3,global').alternatives[0]!.prune).toEqual({ ratio: 0.3, scope: 'global' })
    expect(parseQuery('prune=0.3,channel').alternatives[0]).toEqual({ channels: { ratio: 0.3 }, options: {} })
    expect(parseQuery('prune=0.3,channel,global').alternatives[0]!.channels).toEqual({ ratio: 0.3, scope: 'global' })
    expect(parseQuery('macs=0.5&prune=0.3').alternatives[0]).toMatchObject({ channels: { macs: 0.5 }, prune: { ratio: 0.3 } })
    expect(parseQuery('max=1.5MB').max).toBe(1_500_000)
    expect(parseQuery('input=1x3x48x192,1x4').input).toEqual([
      [1, 3, 48, 192],
      [1, 4],
    ])
    // A number has no sizes.
    expect(parseQuery('input=1x1,,2x4').input).toEqual([[1, 1], [], [2, 4]])
    expect(() => parseQuery('input=')).toThrow('sizes such as 1x3x224x224')
    expect(parseQuery('int8&quantize.range=minmax').alternatives[0]!.options).toEqual({ 'quantize.range': 'minmax' })
  })

  it('lets the query win over the defaults of the same name, all number formats being one', () => {
    const request = parseQuery('fp16', { defaults: 'int8&target=wasm' })
    expect(request.alternatives.map(({ format }) => format!.name)).toEqual(['fp16'])
    expect(request.targets!.map((target) => target.name)).toEqual(['wasm'])
  })

  it('replaces a preset by its query', () => {
    expect(parseQuery('web2&prune=0.2', { presets: { web2: 'int8&target=wasm' } }).alternatives[0]).toMatchObject({
      format: { name: 'int8' },
      prune: { ratio: 0.2 },
    })
    expect(message('a', { presets: { a: 'b', b: 'a' } })).toBe('the presets of whittle.config name each other in a circle')
  })

  it('ignores what bundlers add', () => {
    expect(canonicalQuery('int8&t=17123&import')).toBe('int8')
  })
})

describe('a wrong directive is named, with what to write', () => {
  it.each([
    ['int9', "unknown directive 'int9': did you mean 'int8'?"],
    ['prun=0.3', "unknown directive 'prun': did you mean 'prune'?"],
    [
      'prune=1.5',
      "prune: expected a share in (0, 1), with `,global` to count it over all weights together or `,channel` to remove whole channels, or a pattern such as 2:4, received '1.5'; for example prune=0.3",
    ],
    ['macs=0', "macs: expected a share in (0, 1), received '0'; for example macs=0.5"],
    [
      'prune=2:4,channel',
      "prune: expected a share in (0, 1), with `,global` to count it over all weights together or `,channel` to remove whole channels, or a pattern such as 2:4, received '2:4,channel'; for example prune=0.3",
    ],
    ['prune=0.3,channel&macs=0.5', "'prune=...,channel' and 'macs=...' both say how many channels go: write one of them"],
    ['macs=0.5&prune=0.3,channel', "'prune=...,channel' and 'macs=...' both say how many channels go: write one of them"],
    [
      'prune',
      "prune: expected a share in (0, 1), with `,global` to count it over all weights together or `,channel` to remove whole channels, or a pattern such as 2:4, received ''; for example prune=0.3",
    ],
    ['int8=4', "'int8' takes no value, received 'int8=4'"],
    ['int8&fp16', "'int8' and 'fp16' contradict each other: write one of them, or 'int8;fp16' for both"],
    ['int8&cluster=16', "'int8' and 'cluster=16' contradict each other: write one of them, or 'int8;cluster=16' for both"],
    ['cluster=1', "cluster: expected a whole number from 2 to 256, or auto, received '1'; for example cluster=16"],
    ['cluster=16.5', "cluster: expected a whole number from 2 to 256, or auto, received '16.5'; for example cluster=16"],
    ['cluster', "cluster: expected a whole number from 2 to 256, or auto, received ''; for example cluster=16"],
    ['cluster.granularity=row', "cluster: expected tensor or channel for granularity, received 'row'"],
    ['bits=9', "bits: expected a whole number from 2 to 8, received '9'; for example bits=6"],
    [
      'target=wasn',
      "target: expected names among webgpu-f16, webnn-npu, webnn-gpu, webgpu, webnn-cpu, wasm, webnn, received 'wasn'; for example target=wasm;webgpu",
    ],
    ['rank=1', "rank: expected a share in (0, 1), received '1'; for example rank=0.5"],
    ['factorize.form=tucker', "factorize: expected auto or output or channel or spatial for form, received 'tucker'"],
    [
      'sqnr=30;40',
      "'sqnr' takes one value: ';' gives alternatives of int8, fp16, int4, fp32, bits, cluster, rank, prune, macs, finetune, distill, qat, target, runtime",
    ],
    ['quantize.range=best', "quantize: expected minmax or mse or percentile or entropy for range, received 'best'"],
    ['max=500', "max: expected a size such as 500kB or 2MB, received '500'; for example max=500kB"],
  ])('%s', (query, text) => {
    expect(message(query)).toBe(text)
  })
})

describe('an id', () => {
  const models = (...ids: string[]): string[] => ids.filter(isModelImport)

  it('is a model where it ends in .onnx or .tflite and the query is not the bundler’s own', () => {
    const ids = ['./a.onnx', './a.onnx?int8', './A.ONNX?int8', './a.tflite', './a.tflite?prune=0.3']
    expect(models(...ids)).toEqual(ids)
    expect(models('./a.onnx?url', './a.onnx?raw', './a.tflite?url', '\0x.onnx', './a.ts', './a.ts?int8')).toEqual([])
  })

  it('is a model of TensorFlow.js where it ends in .json and the query holds a directive', () => {
    const ids = ['./a.json?int8', './a.json?int8;fp16', './a.json?import&prune=0.3', './a.json?quantize.range=mse', './a.json?as=url']
    expect(models(...ids)).toEqual(ids)
    expect(
      models('./a.json', './a.json?', './a.json?url', './a.json?int8&url', './a.json?t=1', './a.json?v=int8', './a.json?int8=1'),
    ).toEqual([])
    expect(models('./a.json?toString', './a.json?prune', './a.json5?int8', '\0a.json?int8')).toEqual([])
  })

  it('says what it gives', () => {
    expect(['int8', 'int8&as=url', 'as=manifest', 'as=report'].map(queryOutput)).toEqual(['model', 'url', 'manifest', 'report'])
  })
})

it('every directive of this version can be read as its example shows', () => {
  for (const { example, planned } of DIRECTIVES) if (!planned) expect(message(example)).toBe('no error')
})

import { OptionError } from '@whittle/ir'
import { TARGETS, TARGET_GROUPS, findTargets } from '@whittle/targets'
import { DATASET, naming } from './named.ts'
import { TRAINING_DIRECTIVES, TRAINING_OPTIONS } from './training.ts'
import type { Alternative, Directive, Output, RuntimeName } from './directive.ts'

const OUTPUTS: readonly Output[] = ['model', 'url', 'manifest', 'report']
const RUNTIMES: readonly RuntimeName[] = ['onnx', 'tfjs']

const format = (name: string, meaning: string, fields: { bits?: number; float16?: boolean }): Directive => ({
  name,
  meaning,
  example: name,
  group: 'format',
  multiplies: true,
  apply: (_, into) => {
    into.format = { name, ...fields }
    return true
  },
})

const planned = (name: string, meaning: string, example: string): Directive => ({ name, meaning, example, planned: true })

/** Every directive, in the order of the docs. */
export const DIRECTIVES: readonly Directive[] = [
  format('int8', 'weights in 8 bits; with `calibrate=`, and where the target is faster with it, computed in int8', { bits: 8 }),
  format('fp16', 'weights in float16; computed in float16 on WebGPU with `shader-f16`', { float16: true }),
  format('int4', 'weights rounded to 4 bits, on data where there is `calibrate=`; computed in fp32', { bits: 4 }),
  format('fp32', 'no other number format: the graph is only simplified', {}),
  {
    name: 'bits',
    value: 'a whole number from 2 to 8',
    meaning: 'weights rounded to so many bits, on data where there is `calibrate=`; computed in fp32',
    example: 'bits=6',
    group: 'format',
    multiplies: true,
    apply(value, into) {
      const bits = Number(value)
      if (!Number.isInteger(bits) || bits < 2 || bits > 8) return false
      into.format = { name: `bits${bits}`, bits }
      return true
    },
  },
  {
    name: 'cluster',
    value: 'a whole number from 2 to 256, or auto',
    meaning:
      'weights share so many values a tensor, on data where there is `calibrate=`; `auto` takes as few as the layers bear, or the outputs where `sqnr=` says what they keep; computed in fp32',
    example: 'cluster=16',
    group: 'format',
    multiplies: true,
    apply(value, into) {
      const values = value === 'auto' ? value : Number(value)
      if (values !== 'auto' && !(Number.isInteger(values) && values >= 2 && values <= 256)) return false
      into.format = { name: `cluster${value}`, cluster: values }
      return true
    },
  },
  {
    name: 'rank',
    value: 'a share in (0, 1)',
    meaning:
      'layers become two or three of so much of their rank, where that makes them smaller and faster, on data where there is `calibrate=` (experimental); `factorize.parameters=0.75` or `factorize.macs=` in its place: what is left of the model, divided where it costs least',
    example: 'rank=0.5',
    multiplies: true,
    apply(value, into) {
      into.rank = Number(value)
      return value !== '' && into.rank > 0 && into.rank < 1
    },
  },
  {
    name: 'prune',
    value:
      'a share in (0, 1), with `,global` to count it over all weights together or `,channel` to remove whole channels, or a pattern such as 2:4',
    meaning: 'share of the weights that become zero, or of the channels that are removed',
    example: 'prune=0.3',
    multiplies: true,
    apply: applyPrune,
  },
  {
    name: 'macs',
    value: 'a share in (0, 1)',
    meaning:
      'share of the multiply-accumulates that is left: whole channels are removed, with `calibrate=` where that changes the outputs least; faster on every target',
    example: 'macs=0.5',
    multiplies: true,
    apply(value, into) {
      const macs = Number(value)
      if (value === '' || !(macs > 0 && macs < 1)) return false
      into.channels = onlyChannels(into, { macs })
      return true
    },
  },
  naming('calibrate', DATASET, 'samples from which ranges are taken and on which the result is verified', 'calibrate=./samples.ts'),
  ...TRAINING_DIRECTIVES,
  naming(
    'evaluate',
    DATASET,
    'samples, others than those of `calibrate=`, on which the accuracy of what ships is measured and reported',
    'evaluate=./test.ts',
  ),
  naming(
    'metric',
    'the path of a module, or the name of a metric in whittle.config',
    'what accuracy is; by default, where an output holds one score a class, top-1 accuracy if the samples are labelled, else agreement with the original',
    'metric=./metric.ts',
  ),
  {
    name: 'target',
    value: `names among ${[...TARGETS.map((target) => target.name), ...Object.keys(TARGET_GROUPS)].join(', ')}`,
    meaning: 'which targets get a variant',
    example: 'target=wasm;webgpu',
    multiplies: true,
    apply(value, _, request) {
      const found = value.split(',').map(findTargets)
      if (found.some((targets) => targets.length === 0)) return false
      request.targets = [...new Set([...(request.targets ?? []), ...found.flat()])]
      return true
    },
  },
  {
    name: 'input',
    value: 'sizes such as 1x3x224x224, and a comma between inputs (nothing for a single number)',
    meaning: 'pins the free dimensions of the inputs',
    example: 'input=1x3x224x224',
    apply(value, _, request) {
      if (value === '') return false
      const shapes = value.split(',').map((shape) => (shape === '' ? [] : shape.split('x').map(Number)))
      if (!shapes.flat().every((size) => Number.isInteger(size) && size > 0)) return false
      request.input = shapes
      return true
    },
  },
  {
    name: 'sqnr',
    value: 'a number of dB',
    meaning:
      'the least signal to noise ratio of each output against the original: with `calibrate=`, weights get more bits and nodes fall back to fp32 until it holds; below it, the build fails',
    example: 'sqnr=30',
    apply(value, _, request) {
      request.sqnr = Number(value)
      return value !== '' && Number.isFinite(request.sqnr)
    },
  },
  {
    name: 'drop',
    value: 'a number of points above 0: hundredths of the metric',
    meaning:
      'accuracy that may be lost on the samples of `evaluate=`, by the whole 95 % interval: layers get more bits and fall back to fp32, or less is pruned, until it holds; where nothing does, the build fails',
    example: 'drop=0.5',
    apply(value, _, request) {
      request.drop = Number(value)
      return request.drop > 0 && Number.isFinite(request.drop)
    },
  },
  {
    name: 'max',
    value: 'a size such as 500kB or 2MB',
    meaning: "the most brotli bytes of the largest variant's own files; over it, the build fails (kB is 1000)",
    example: 'max=500kB',
    apply(value, _, request) {
      const match = /^(\d+(?:\.\d+)?)(B|kB|MB)$/.exec(value)
      if (!match) return false
      request.max = Number(match[1]) * { B: 1, kB: 1e3, MB: 1e6 }[match[2] as 'B' | 'kB' | 'MB']
      return true
    },
  },
  {
    name: 'runtime',
    value: RUNTIMES.join(', '),
    meaning:
      'what executes it in WebAssembly: onnxruntime-web, or the 0.11 MB of TensorFlow.js; by default the smaller one, where it covers the model and is fast enough',
    example: 'runtime=tfjs',
    multiplies: true,
    apply(value, _, request) {
      request.runtimes = [...new Set([...(request.runtimes ?? []), ...(value.split(',') as RuntimeName[])])]
      return request.runtimes.every((name) => RUNTIMES.includes(name))
    },
  },
  {
    name: 'as',
    value: OUTPUTS.join(', '),
    meaning: 'what the import gives: the model, the address of its smallest file, the manifest, or the report',
    example: 'as=url',
    apply(value, _, request) {
      request.output = value as Output
      return OUTPUTS.includes(request.output)
    },
  },
  planned('latency', 'time budget as a ratio to fp32', 'latency=0.8'),
  planned('host', 'the encoding that the host serves', 'host=gzip'),
  planned('auto', 'a search under the budgets', 'auto'),
  planned('small', 'a preset: the least bytes', 'small'),
  planned('fast', 'a preset: the least time', 'fast'),
  planned('exact', 'a preset: nothing that changes outputs', 'exact'),
  planned('web', 'a preset: what suits most apps', 'web'),
]

function applyPrune(value: string, into: Alternative): boolean {
  const [amount, ...words] = value.split(',')
  if (/^\d+:\d+$/.test(amount!)) {
    into.prune = { pattern: amount! }
    return words.length === 0
  }
  const ratio = Number(amount)
  if (amount === '' || !(ratio > 0 && ratio < 1)) return false
  const given = { ratio, ...(words.includes('global') ? { scope: 'global' as const } : {}) }
  if (words.includes('channel')) into.channels = onlyChannels(into, given)
  else into.prune = given
  return words.every((word) => word === 'global' || word === 'channel')
}

/** @throws {OptionError} where it is said already how many channels go. */
function onlyChannels(into: Alternative, given: NonNullable<Alternative['channels']>): NonNullable<Alternative['channels']> {
  if (!into.channels) return given
  throw new OptionError('DIRECTIVE_CONTRADICTION', "'prune=...,channel' and 'macs=...' both say how many channels go: write one of them")
}

/** Options of transforms that a query may set by name, and how they are read. */
export const TRANSFORM_OPTIONS: Readonly<Record<string, readonly string[] | 'number'>> = {
  'factorize.energy': 'number',
  'factorize.parameters': 'number',
  'factorize.macs': 'number',
  'factorize.method': ['weights', 'data'],
  'factorize.form': ['auto', 'output', 'channel', 'spatial'],
  'factorize.embeddings': ['true', 'false'],
  'factorize.gain': 'number',
  'factorize.multiple': 'number',
  'factorize.minSize': 'number',
  'prune.method': ['magnitude', 'obs'],
  'prune.minSize': 'number',
  'prune.rounds': 'number',
  'prune.multiple': 'number',
  'prune.scope': ['tensor', 'global'],
  'cluster.method': ['kmeans', 'feedback'],
  'cluster.granularity': ['tensor', 'channel'],
  'cluster.layer': 'number',
  'cluster.minSize': 'number',
  'quantize.activations': ['dynamic', 'null'],
  'quantize.range': ['minmax', 'mse', 'percentile', 'entropy'],
  'quantize.percentile': 'number',
  'quantize.granularity': ['channel', 'tensor', 'block'],
  'quantize.block': 'number',
  'quantize.symmetric': ['true', 'false'],
  'quantize.levels': ['uniform', 'kmeans', 'entropy'],
  'quantize.rounding': ['nearest', 'hqq', 'gptq', 'adaround'],
  'quantize.allocation': ['uniform', 'mixed'],
  'quantize.sqnr': 'number',
  'quantize.bytes': 'number',
  'quantize.equalization': ['none', 'cross-layer'],
  'quantize.correction': ['none', 'statistics', 'full'],
  'quantize.smooth': 'number',
  'quantize.minSize': 'number',
  'float16.minSize': 'number',
  ...TRAINING_OPTIONS,
}

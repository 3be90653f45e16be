/**
 * Who may import whom: ARCHITECTURE.md shows the same table, and a test compares the two.
 * `ir` allows the package's entry and its published subpaths; `codec/decode` allows that subpath only;
 * `ir (types)` allows nothing that is left after compilation.
 */
export const IMPORT_TABLE = {
  ir: [],
  simplify: ['ir'],
  statistics: ['ir'],
  prune: ['ir', 'statistics'],
  cluster: ['ir', 'statistics'],
  quantize: ['ir', 'statistics'],
  factorize: ['ir', 'statistics'],
  train: ['ir'],
  engine: ['ir'],
  targets: ['ir (types)'],
  codec: [],
  tfjs: ['ir', 'codec/decode'],
  tflite: ['ir'],
  compiler: [
    'ir',
    'simplify',
    'statistics',
    'factorize',
    'prune',
    'cluster',
    'quantize',
    'train',
    'engine',
    'targets',
    'codec',
    'tfjs',
    'tflite',
  ],
  runtime: ['targets', 'codec/decode'],
  report: ['compiler'],
  'rollup-plugin': ['compiler', 'report'],
  cli: ['compiler', 'report'],
}

/** Packages whose sources run anywhere: no `node:` module, none of Node's globals. Files named here are excepted. */
export const PORTABLE = {
  ir: ['src/onnx/file.ts', 'src/onnx/write-file.ts'],
  simplify: [],
  statistics: [],
  prune: [],
  cluster: [],
  quantize: [],
  factorize: [],
  train: [],
  targets: [],
  codec: [],
  tfjs: ['src/read/file.ts'],
  tflite: ['src/file.ts'],
  runtime: [],
}

/** Only these packages know that there are bundlers. */
export const BUNDLERS = ['vite', 'vite7', 'rollup', 'rolldown', 'webpack', 'esbuild', '@rollup/pluginutils']
export const KNOWS_BUNDLERS = ['rollup-plugin']

/** The graph and the transforms know no file format: what decodes one stays below this folder. */
export const CODECS = { ir: { modules: ['@bufbuild/protobuf'], folder: 'src/onnx/' } }

import * as ort from 'onnxruntime-node'
import { DataType, type TensorProto, contentOf } from './protobuf.ts'

type Outputs = Readonly<Record<string, ort.Tensor>>

const NAMES: Readonly<Record<number, ort.Tensor.Type>> = {
  [DataType.FLOAT]: 'float32',
  [DataType.DOUBLE]: 'float64',
  [DataType.FLOAT16]: 'float16',
  [DataType.INT8]: 'int8',
  [DataType.INT16]: 'int16',
  [DataType.INT32]: 'int32',
  [DataType.INT64]: 'int64',
  [DataType.UINT8]: 'uint8',
  [DataType.UINT16]: 'uint16',
  [DataType.UINT32]: 'uint32',
  [DataType.UINT64]: 'uint64',
  [DataType.BOOL]: 'bool',
  [DataType.STRING]: 'string',
}

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const

/** onnxruntime's tensor. @throws where its binding for Node has no such element type. */
export function toOrt(proto: TensorProto): ort.Tensor {
  const type = NAMES[proto.dataType]
  if (!type) throw new Error(`onnxruntime-node takes no tensor of element type ${proto.dataType}`)
  const dims = proto.dims.map(Number)
  const content = contentOf(proto)
  if (Array.isArray(content))
    return new ort.Tensor(
      'string',
      content.map((item) => Buffer.from(item, 'latin1').toString('utf8')),
      dims,
    )
  const copy = new Uint8Array(content)
  return new ort.Tensor(type as 'float32', new ARRAYS[type as 'float32'](copy.buffer) as Float32Array, dims)
}

/** Runs a file as it is, with onnxruntime's defaults. @throws what onnxruntime says. */
export async function runFile(bytes: Uint8Array, feeds: readonly Outputs[]): Promise<Outputs[]> {
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 })
  try {
    const results: Outputs[] = []
    for (const feed of feeds) {
      const known = Object.fromEntries(session.inputNames.flatMap((name) => (feed[name] ? [[name, feed[name]]] : [])))
      const outputs = await session.run(known)
      results.push(Object.fromEntries(session.outputNames.map((name) => [name, copyOf(outputs[name] as ort.Tensor)])))
    }
    return results
  } finally {
    await session.release()
  }
}

/** onnxruntime may use its memory again. */
function copyOf(tensor: ort.Tensor): ort.Tensor {
  if (!(tensor instanceof ort.Tensor) || !tensor.dims) throw new Error('onnxruntime-node gives no sequences, maps or optionals')
  return new ort.Tensor(tensor.type as 'float32', (tensor.data as Float32Array).slice(), tensor.dims)
}

/** Why two results are not the same; undefined where they are: type, dims, and values within rtol 1e-3 and atol 1e-5, exactly for all but floats. */
export function differenceOfOutputs(expected: Outputs, actual: Outputs, values = true): string | undefined {
  const names = Object.keys(expected)
  if (names.join() !== Object.keys(actual).join()) return `outputs [${names}] became [${Object.keys(actual)}]`
  for (const name of names) {
    const [a, b] = [expected[name]!, actual[name]!]
    if (a.type !== b.type) return `'${name}' is ${a.type}, now ${b.type}`
    if (a.dims.join() !== b.dims.join()) return `'${name}' is [${a.dims}], now [${b.dims}]`
    if (!values) continue
    const [left, right] = [numbersOf(a), numbersOf(b)]
    for (let index = 0; index < left.length; index++) {
      const [x, y] = [left[index]!, right[index]!]
      if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue
      const close = typeof x === 'number' && a.type.startsWith('float') && Math.abs(x - (y as number)) <= 1e-5 + 1e-3 * Math.abs(x)
      if (!close || !Number.isFinite(x)) return `'${name}'[${index}] is ${x}, now ${y}`
    }
  }
  return undefined
}

function numbersOf(tensor: ort.Tensor): ArrayLike<number | bigint | string> {
  if (tensor.type !== 'float16') return tensor.data as unknown as ArrayLike<number>
  const data = tensor.data as unknown as ArrayLike<number>
  // Newer versions of Node give a Float16Array, older ones bits.
  return data instanceof Uint16Array ? Array.from(data, halfOf) : data
}

function halfOf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
}

import { create } from '@bufbuild/protobuf'
import { byteLengthOf } from '../element-type.ts'
import type { Tensor } from '../tensor.ts'
import { carriedTensors } from './carried.ts'
import { dataTypeOf } from './data-type.ts'
import { StringStringEntryProtoSchema, type TensorProto, TensorProto_DataLocation, TensorProtoSchema } from './gen/onnx_pb.ts'

const utf8 = new TextEncoder()

/** From so many bytes on, a tensor is not copied into its message. */
const WEIGHT_BYTES = 4096

/** Puts a tensor into the external data file, and tells where. */
export type Store = (tensor: Tensor, length: number) => { location: string; offset: number }

/** Makes tensors' messages, and keeps aside what is too large to be copied into them. */
export class TensorWriter {
  /** The tensors whose bytes are not in their messages. */
  readonly weights = new Map<TensorProto, Tensor>()
  readonly #store: Store | undefined
  readonly #threshold: number

  /** @param store takes what has at least `threshold` bytes, where the runtimes look for external data: initializers, and constants. */
  constructor(store?: Store, threshold = 0) {
    this.#store = store
    this.#threshold = threshold
  }

  write(tensor: Tensor, name?: string, mayStore = false): TensorProto {
    const proto = {
      ...create(TensorProtoSchema),
      ...carriedTensors.get(tensor),
      dims: tensor.dims.map(BigInt),
      dataType: dataTypeOf(tensor.type),
    }
    if (name !== undefined) proto.name = name
    const length = byteLengthOf(tensor.type, tensor.size)
    if (tensor.type === 'string') proto.stringData = tensor.strings().map((item) => utf8.encode(item))
    else if (mayStore && this.#store && length > 0 && length >= this.#threshold) {
      const { location, offset } = this.#store(tensor, length)
      proto.dataLocation = TensorProto_DataLocation.EXTERNAL
      proto.externalData = Object.entries({ location, offset, length }).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value: String(value) }),
      )
    } else if (length >= WEIGHT_BYTES) this.weights.set(proto, tensor)
    else proto.rawData = tensor.peek()
    return proto
  }
}

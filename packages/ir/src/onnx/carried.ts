import type { Attribute } from '../attribute.ts'
import type { Tensor } from '../tensor.ts'
import type { Container } from '../ops/row.ts'
import { containerOfType } from './container.ts'
import type {
  AttributeProto,
  GraphProto,
  ModelProto,
  NodeProto,
  SparseTensorProto,
  TensorProto,
  TypeProto,
  ValueInfoProto,
} from './gen/onnx_pb.ts'

/**
 * What the reader hangs on the IR's `opaque` fields, and the writer takes up again: the file's own messages, emptied of all that the
 * IR holds itself. They are shared by clones, so nobody may change them.
 */
export class CarriedModel {
  readonly proto: Partial<ModelProto>
  /** The version of ai.onnx that the file has, where it was read without an upgrade: while it stays, so does the file's IR version. */
  readonly opset: number | undefined
  constructor(proto: Partial<ModelProto>, opset?: number) {
    this.proto = proto
    this.opset = opset
  }
}

export class CarriedGraph {
  readonly proto: Partial<GraphProto>
  /** What the file says of values beyond type and shape, by their names, in the file's order: inputs, inner values, outputs. */
  readonly values: ReadonlyMap<string, ValueInfoProto>
  constructor(proto: Partial<GraphProto>, values: ReadonlyMap<string, ValueInfoProto>) {
    this.proto = proto
    this.values = values
  }
}

export class CarriedNode {
  readonly proto: Partial<NodeProto>
  constructor(proto: Partial<NodeProto>) {
    this.proto = proto
  }
}

/** A sparse initializer, on the `Constant` node that stands for it. */
export class CarriedSparse {
  readonly proto: SparseTensorProto
  constructor(proto: SparseTensorProto) {
    this.proto = proto
  }
}

/** What the file says of a tensor or an attribute beyond its content: names and doc strings. Neither ever changes. */
export const carriedTensors = new WeakMap<Tensor, Partial<TensorProto>>()
export const carriedAttributes = new WeakMap<Attribute, Partial<AttributeProto>>()

export class CarriedAttribute {
  readonly proto: AttributeProto
  constructor(proto: AttributeProto) {
    this.proto = proto
  }
}

export class CarriedType {
  readonly proto: TypeProto
  constructor(proto: TypeProto) {
    this.proto = proto
  }

  /** What inference reads of it. */
  get holds(): Container | undefined {
    return containerOfType(this.proto)
  }
}

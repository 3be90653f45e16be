import type { Container } from '../ops/row.ts'
import { containerOfType } from './container.ts'
import type { AttributeProto, GraphProto, ModelProto, NodeProto, TypeProto, ValueInfoProto } from './gen/onnx_pb.ts'

/**
 * What the reader hangs on the IR's `opaque` fields, and the writer takes up again: the file's own messages, emptied of all that the
 * IR holds itself. They are shared by clones, so nobody may change them.
 */
export class CarriedModel {
  readonly proto: Partial<ModelProto>
  constructor(proto: Partial<ModelProto>) {
    this.proto = proto
  }
}

export class CarriedGraph {
  readonly proto: Partial<GraphProto>
  /** What the file says of inputs and outputs beyond type and shape, by their names. */
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

import { create } from '@bufbuild/protobuf'
import type { Graph, Value } from '../graph.ts'
import { CarriedAttribute, CarriedSparse } from './carried.ts'
import { AttributeProto_AttributeType, AttributeProtoSchema, type SparseTensorProto } from './gen/onnx_pb.ts'

/** A sparse initializer as the `Constant` node that means the same: the IR holds no sparse tensors, and carries this one unchanged, to be written back as what it was. */
export function sparseConstant(graph: Graph, name: string, sparse: SparseTensorProto): Value {
  const proto = create(AttributeProtoSchema, {
    name: 'sparse_value',
    type: AttributeProto_AttributeType.SPARSE_TENSOR,
    sparseTensor: sparse,
  })
  const node = graph.addNode({
    op: 'Constant',
    inputs: [],
    outputs: [name],
    attributes: { sparse_value: { type: 'opaque', value: new CarriedAttribute(proto) } },
  })
  node.opaque = new CarriedSparse(sparse)
  return node.output
}

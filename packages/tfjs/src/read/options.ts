import type { AttributeLike, Dim, Graph, JsonObject, Tensor, Value } from '@whittle/ir'

/** One call of a layer that TensorFlow.js does not have. */
export interface CustomLayerCall {
  /** The layer's name, which its nodes and values carry. */
  readonly name: string
  readonly inputs: readonly Value[]
  readonly config: JsonObject
  readonly graph: Graph
  /** A weight of the layer by the end of its name, `kernel`, as an initializer. */
  weight(end: string): Value
  /** Adds an ONNX node (opset 21) with one output. */
  node(op: string, inputs: readonly (Value | undefined)[], attributes?: Record<string, AttributeLike>): Value
  /** Adds a constant. */
  constant(tensor: Tensor): Value
  /** The shape of a value, free dimensions as symbols. */
  shape(value: Value): readonly Dim[]
}

/** What readers of TensorFlow.js models may be told. */
export interface TfjsOptions {
  /** Names the model in messages, and its graph. */
  name?: string
  /** By class name: what a custom layer does, in ONNX nodes. It goes before Whittle's own. */
  customLayers?: Readonly<Record<string, (call: CustomLayerCall) => Value | readonly Value[]>>
}

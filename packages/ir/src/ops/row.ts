import type { ElementType } from '../element-type.ts'
import type { Dim, Graph, Node } from '../graph.ts'
import type { Tensor } from '../tensor.ts'

/** What a weight is to its op. */
export type WeightRole = 'kernel' | 'bias' | 'scale' | 'recurrent' | 'embedding' | 'statistics'

/** An input of an op that is learned where it is a constant. */
export interface WeightSlot {
  /** Index of the input. */
  input: number
  role: WeightRole
  /** The axis along which each index makes its own output channel. */
  outputAxis?(node: Node): number | undefined
  /** The axis along which each index reads its own input channel (within its group). */
  inputAxis?(node: Node): number | undefined
}

/** All that Whittle knows of an op, at opset 21. */
export interface OpRow {
  /** `Conv`; with its domain where that is not ai.onnx: `com.microsoft.MatMulNBits`. */
  type: string
  weights?: readonly WeightSlot[]
  /** Each output element depends only on the elements at its own place of the (broadcast) inputs. */
  elementwise?: boolean
  /** False where the same inputs may give other outputs; such a node cannot be folded. By default true. */
  deterministic?: boolean
  /** Sets the element types and shapes of the outputs. Absent: not known. */
  infer?(node: Node, facts: Facts): void
  /** Some target computes it in integers between DequantizeLinear and QuantizeLinear: its data input and its output need ranges. */
  integers?: boolean
  /** Multiply-accumulates of one run; undefined while a shape is not fixed. */
  macs?(node: Node): number | undefined
  /**
   * Which indices of the axes of inputs and outputs can only be removed together; read it through `axisRuleOf`. Absent: the op is elementwise, or
   * nothing can be removed from what it reads and gives.
   */
  axes?(node: Node): AxisRule
}

/** An axis of one of a node's inputs or outputs. */
export interface AxisPlace {
  readonly side: 'input' | 'output'
  /** Index of the input or output. */
  readonly at: number
  readonly axis: number
}

/** All indices of one axis. */
export interface AxisPart extends AxisPlace {
  /** By default the index itself; undefined where the index has to stay. */
  classOf?(index: number): number | undefined
}

/** Indices of one class, in whichever part, stand or fall together. */
export type AxisLink = readonly AxisPart[]

/** How removing indices from a node's inputs removes them from its outputs. What no link names has to stay whole. */
export interface AxisRule {
  readonly links: readonly AxisLink[]
  /** Of each choice one alternative holds, and what only the others name has to stay whole; the one listed first is preferred. */
  readonly choices?: readonly (readonly (readonly AxisLink[])[])[]
  /** What else of the node states the length of an axis, after the removal. @param kept the indices that stay; undefined where all do. */
  rewrite?(kept: KeptIndices): NodeRewrite
}

export type KeptIndices = (side: AxisPlace['side'], at: number, axis: number) => readonly number[] | undefined

/** Constants and attributes that take the place of a node's. */
export interface NodeRewrite {
  readonly inputs?: ReadonlyMap<number, Tensor>
  /** Undefined takes an attribute away. */
  readonly attributes?: Readonly<Record<string, number | undefined>>
}

/** What inference knows around one node. Inputs that are left out are unknown. */
export interface Facts {
  type(input: number): ElementType | undefined
  shape(input: number): readonly Dim[] | undefined
  /** The elements of a small tensor, row-major: known numbers, or symbolic for integers. */
  content(input: number): readonly Dim[] | undefined
  constant(input: number): Tensor | undefined
  /** Outputs that the node leaves out may be set. `content` as in {@link content}. */
  set(output: number, type: ElementType | undefined, shape: readonly Dim[] | undefined, content?: readonly Dim[]): void
  /** A dimension of an output that only running the model tells. */
  fresh(output: number, axis: number): Dim
  /** Infers a subgraph, its inputs being `inputs`; gives the facts of its outputs. */
  subgraph(graph: Graph, inputs?: readonly (ValueFact | undefined)[]): ValueFact[]
  /** All that is known of an input, which may be a sequence or an optional. */
  fact(input: number): ValueFact | undefined
  /** As {@link set}, for outputs that may be sequences or optionals. */
  setFact(output: number, fact: ValueFact): void
  /** Says of this node that a part of it stays unknown. */
  unknown(why: string): void
  /** @throws {ModelError} naming the node and the shapes of its inputs. */
  fail(problem: string): never
}

/** What inference knows of a value. */
export interface ValueFact {
  type: ElementType | undefined
  shape: readonly Dim[] | undefined
  content?: readonly Dim[]
  /** Where it is no tensor: what it holds. Type and shape are then undefined. */
  holds?: Container
}

/** A sequence, whose elements are alike but for dimensions that are '', or an optional. */
export interface Container {
  kind: 'sequence' | 'optional'
  element: ValueFact
  /** Of a sequence, how many elements it has; undefined where that is not known. */
  length?: Dim | undefined
}

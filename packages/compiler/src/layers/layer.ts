/** How a layer computes in a variant's file. */
export type LayerForm = 'int8' | 'int8, rounded at every run' | 'few bits, in blocks' | 'float16' | 'float32'

/** What a variant's file says of one weight of the model, and of the node that reads it. */
export interface Layer {
  /** The weight's name in the simplified model. */
  readonly name: string
  /** The node that reads it first, as the simplified model has it: `Conv`. */
  readonly op: string
  /** In the model; the file may hold it packed, or with its axes in another order. */
  readonly dims: readonly number[]
  readonly elements: number
  /** How the file holds the elements: their type, or in files of the small runtime `integers` on a grid, or places in a `palette`. */
  readonly stored: string
  /** That an element needs, by the range of those that are there; of floats, those of their type. */
  readonly bits: number
  /** Share of elements that are zero, from 0 to 1; null where the file holds them in a form that is not unfolded here. */
  readonly zeros: number | null
  /** In the file, with scales and zero points. */
  readonly bytes: number
  /** After brotli (quality 9), by itself: the whole file is smaller than their sum, or larger, by a little. */
  readonly brotli: number
  /** Signal to noise ratio of the weight against the simplified model's, in dB; null where they are equal, undefined where it cannot be told. */
  readonly weightSqnr?: number | null
  /** Of what the layer gives, with all that was lost before it, in dB; null where it is equal, undefined where it cannot be told. */
  readonly outputSqnr?: number | null
  readonly computes: LayerForm
  /** What the steps of the recipe say that they did to the weight. */
  readonly done: readonly string[]
}

/** One node of a graph, for a reader. */
export interface GraphNode {
  readonly op: string
  /** Empty where the file has none. */
  readonly name: string
  /** Of its first output; free dimensions by their names, undefined where they are not known. */
  readonly dims?: readonly (number | string)[]
}

/** What a graph consists of, constants aside. */
export interface GraphSummary {
  readonly nodes: readonly GraphNode[]
  /** How often each op occurs, subgraphs included, the most frequent first. */
  readonly ops: Readonly<Record<string, number>>
}

/** What one file holds; several variants may share it. */
export interface FileLayers {
  readonly graph: GraphSummary
  readonly layers: readonly Layer[]
  /** Sentences: which figures are missing, and why. */
  readonly missing: readonly string[]
}

/** An import's layers. */
export interface ImportLayers {
  /** The model as imported. */
  readonly original: GraphSummary
  /** By the hash of the file. */
  readonly files: Readonly<Record<string, FileLayers>>
}

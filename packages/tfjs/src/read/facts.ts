import {
  type Dim,
  type ElementType,
  type Facts,
  type Graph,
  ModelError,
  type Node,
  type ValueFact,
  type Value,
  type Tensor,
  constantOf,
} from '@whittle/ir'

const CONTENT_LIMIT = 128

/** What is known of the values of a graph that is being built, one node after the other. */
export class KnownFacts {
  readonly #facts = new Map<Value, ValueFact>()

  set(value: Value, fact: ValueFact): void {
    this.#facts.set(value, fact)
    value.elementType = fact.type
    value.shape = fact.shape && [...fact.shape]
  }

  get(value: Value): ValueFact {
    const fact = this.#facts.get(value) ?? { type: value.elementType, shape: value.shape }
    if (fact.content) return fact
    const tensor = constantOf(value)
    if (!tensor || tensor.size > CONTENT_LIMIT || tensor.type === 'string') return fact
    return { ...fact, content: tensor.toNumbers() }
  }

  infer(node: Node, rule: (facts: Facts) => void): void {
    try {
      rule(this.#around(node))
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) throw error
      throw new ModelError('SHAPE_CONFLICT', `${node.describe()}: its inputs do not fit it (${error.message})`, { cause: error })
    }
    for (const output of node.outputs) if (output && !this.#facts.has(output)) this.set(output, { type: undefined, shape: undefined })
  }

  #around(node: Node): Facts {
    const input = (index: number): ValueFact | undefined => {
      const value = node.inputs[index]
      return value && this.get(value)
    }
    const give = (index: number, fact: ValueFact): void => {
      const value = node.outputs[index]
      if (!value) return
      const { type, content } = fact
      const shape = fact.shape?.map((dim, axis) => (dim === '' ? `${value.name}_dim${axis}` : dim))
      if (shape?.some((dim) => dim === undefined || Number.isNaN(dim) || (typeof dim === 'number' && dim < 0)))
        fail('the shapes of its inputs do not fit')
      this.set(value, content && content.length <= CONTENT_LIMIT ? { type, shape, content } : { type, shape })
    }
    const fail = (problem: string): never => {
      const shown = node.inputs.map((value) => value && `'${value.name}' [${this.get(value).shape?.join() ?? '?'}]`)
      throw new ModelError('SHAPE_CONFLICT', `${node.describe()}: ${problem}; its inputs are ${shown.join(', ')}`)
    }
    return {
      type: (index): ElementType | undefined => input(index)?.type,
      shape: (index): readonly Dim[] | undefined => input(index)?.shape,
      content: (index): readonly Dim[] | undefined => input(index)?.content,
      constant: (index): Tensor | undefined => constantOf(node.inputs[index]),
      set: (index, type, shape, content) => give(index, content ? { type, shape, content } : { type, shape }),
      fresh: (index, axis): Dim => `${(node.outputs[index] ?? node.output).name}_dim${axis}`,
      subgraph: (graph: Graph): ValueFact[] => graph.outputs.map((value) => this.get(value)),
      fact: input,
      setFact: give,
      unknown: () => undefined,
      fail,
    }
  }
}

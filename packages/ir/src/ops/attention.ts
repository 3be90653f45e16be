import type { Dim, Node } from '../graph.ts'
import { addDims, divDims, exactDivDims, fixed, fixedShape, mulDims } from './dim.ts'
import type { Facts, OpRow, WeightSlot } from './row.ts'
import { sameAsFirst } from './rules.ts'

/** Attention and what comes with it. Names of dimensions: B batch, S queries, T keys, N heads, D and V the sizes of a head's keys and values. */

const kernel = (input: number): WeightSlot => ({ input, role: 'kernel', outputAxis: () => 1, inputAxis: () => 0 })
const vector = (input: number, role: WeightSlot['role']): WeightSlot => ({ input, role, outputAxis: () => 0 })
const embedding = (input: number): WeightSlot => ({ input, role: 'embedding', outputAxis: () => 1, inputAxis: () => 0 })

/** `[B, S, N*D]` or `[B, N, S, D]` as `[B, N, S, D]`. */
function heads(shape: readonly Dim[] | undefined, count: number): [Dim, Dim, Dim, Dim] | undefined {
  if (!shape) return undefined
  if (shape.length === 4) return [...shape] as [Dim, Dim, Dim, Dim]
  return shape.length === 3 && count > 0
    ? [shape[0]!, count, shape[1]!, exactDivDims(shape[2]!, count) ?? divDims(shape[2]!, count)]
    : undefined
}

/** Scores and weighted values: B * N * S * T * (D + V). */
function attentionMacs(query: readonly Dim[] | undefined, keys: Dim | undefined, value: Dim | undefined): number | undefined {
  const [dims, total, size] = [fixedShape(query), fixed(keys), fixed(value)]
  return !dims || total === undefined || size === undefined ? undefined : dims[0]! * dims[1]! * dims[2]! * total * (dims[3]! + size)
}

interface Operands {
  query: [Dim, Dim, Dim, Dim]
  key: [Dim, Dim, Dim, Dim]
  value: [Dim, Dim, Dim, Dim]
  /** Keys of the past included. */
  total: Dim
}

function operandsOf(node: Node, shape: (input: number) => readonly Dim[] | undefined): Operands | undefined {
  const [queries, keys] = [node.int('q_num_heads', 0), node.int('kv_num_heads', 0)]
  const [query, key, value] = [heads(shape(0), queries), heads(shape(1), keys), heads(shape(2), keys)]
  const past = node.inputs[4] ? shape(4)?.[2] : 0
  return query && key && value && past !== undefined ? { query, key, value, total: addDims(past, key[2]) } : undefined
}

function inferAttention(node: Node, facts: Facts): void {
  const operands = operandsOf(node, (input) => facts.shape(input))
  const [queries, values] = [facts.type(0), facts.type(2)]
  if (!operands) {
    const types = [queries, queries, values, queries]
    return types.forEach((type, output) => facts.set(output, type, undefined))
  }
  const { query, key, value, total } = operands
  const [batch, count, length] = query
  facts.set(0, queries, facts.shape(0)!.length === 3 ? [batch, length, mulDims(count, value[3])] : [batch, count, length, value[3]])
  facts.set(1, queries, [batch, key[1], total, key[3]])
  facts.set(2, values, [batch, value[1], total, value[3]])
  facts.set(3, queries, [batch, count, length, total])
}

function inferLinearAttention(node: Node, facts: Facts): void {
  const [query, key, value] = [0, 1, 2].map((input) => facts.shape(input))
  const [queries, keys] = [node.int('q_num_heads', 1), node.int('kv_num_heads', 1)]
  const size = value && divDims(value[2]!, keys)
  facts.set(0, facts.type(0), query && size !== undefined ? [query[0]!, query[1]!, mulDims(queries, size)] : undefined)
  facts.set(
    1,
    facts.type(3) ?? facts.type(0),
    query && key && size !== undefined ? [query[0]!, keys, divDims(key[2]!, keys), size] : undefined,
  )
}

/** com.microsoft.Attention and QAttention: the weight `[I, 3*hidden]` makes queries, keys and values. */
const projected = (past: number) => (node: Node, facts: Facts) => {
  const [input, weight] = [facts.shape(0), facts.shape(1)]
  const sizes = node.ints('qkv_hidden_sizes')
  const type = node.op === 'QAttention' ? facts.type(3) : facts.type(0)
  const hidden = sizes?.[2] ?? (weight && divDims(weight[1]!, 3))
  const count = node.int('num_heads', 1)
  facts.set(0, type, input && hidden !== undefined ? [input[0]!, input[1]!, hidden] : undefined)
  const before = node.inputs[past] ? facts.shape(past)?.[3] : 0
  const shares = node.int('past_present_share_buffer', 0) !== 0
  const total = shares ? before : input && before !== undefined ? addDims(before, input[1]!) : undefined
  facts.set(
    1,
    type,
    input && hidden !== undefined ? [2, input[0]!, count, total ?? facts.fresh(1, 3), divDims(sizes?.[1] ?? hidden, count)] : undefined,
  )
}

function projectedMacs(node: Node): number | undefined {
  const [input, weight, output] = [node.inputs[0], node.inputs[1], node.outputs[0]].map((value) => fixedShape(value?.shape))
  if (!input || !weight || !output || node.inputs[node.op === 'QAttention' ? 8 : 4]) return undefined
  const [batch, length] = input as [number, number]
  const keys = node.ints('qkv_hidden_sizes')?.[1] ?? weight[1]! / 3
  return batch * length * weight[0]! * weight[1]! + batch * length * length * (keys + output[2]!)
}

/** Queries `[B, S, N*D]`, or queries, keys and values packed as `[B, S, N, 3, D]`. */
function inferMultiHead(node: Node, facts: Facts): void {
  const [query, key, value] = [0, 1, 2].map((input) => facts.shape(input))
  const count = node.int('num_heads', 1)
  const type = facts.type(0)
  if (!query || (node.inputs[2] && !value) || (node.inputs[1] && !key))
    return [0, 1, 2].forEach((output) => facts.set(output, type, undefined))
  const packed = query.length === 5
  const hidden = packed
    ? mulDims(query[2]!, query[4]!)
    : value
      ? value.length === 4
        ? mulDims(value[1]!, value[3]!)
        : value[2]!
      : query[2]!
  facts.set(0, type, [query[0]!, query[1]!, hidden])
  const added = packed ? query[1]! : key ? (key.length === 4 ? key[2]! : key[1]!) : query[1]!
  for (const [output, past, size] of [
    [1, 6, packed ? query[4]! : divDims(query[2]!, count)],
    [2, 7, divDims(hidden, count)],
  ] as const) {
    const before = node.inputs[past] ? (node.inputs[8] ? undefined : facts.shape(past)?.[2]) : 0
    facts.set(output, type, [query[0]!, count, before === undefined ? facts.fresh(output, 2) : addDims(before, added), size])
  }
}

/** Queries `[B, S, N*D]` with keys and values, or all three packed in `[B, S, (N + 2*K)*D]`. */
function inferGroupQuery(node: Node, facts: Facts): void {
  const [query, key] = [facts.shape(0), facts.shape(1)]
  const [count, keys] = [node.int('num_heads', 1), node.int('kv_num_heads', 1)]
  const type = facts.type(0)
  if (!query || (node.inputs[1] && !key)) return [0, 1, 2].forEach((output) => facts.set(output, type, undefined))
  const size = divDims(query[2]!, node.inputs[1] ? count : count + 2 * keys)
  facts.set(0, type, [query[0]!, query[1]!, mulDims(size, count)])
  // The cache may be a buffer for more than there is: how long it is, the run tells.
  for (const output of [1, 2])
    facts.set(
      output,
      facts.type(output + 2) ?? type,
      facts.type(output + 2) === undefined || facts.type(output + 2) === type ? [query[0]!, keys, facts.fresh(output, 2), size] : undefined,
    )
}

/** Scores and values of com.microsoft's attentions without a cache, from the shapes of queries and output. */
function selfMacs(node: Node): number | undefined {
  const [query, key, output] = [node.inputs[0], node.inputs[1], node.outputs[0]].map((value) => fixedShape(value?.shape))
  if (query?.length !== 3 || !output || (node.inputs[1] && key?.length !== 3) || node.inputs[6] || node.op !== 'MultiHeadAttention')
    return undefined
  return query[0]! * query[1]! * (key?.[1] ?? query[1]!) * (query[2]! + output[2]!)
}

/** Ids `[B, S]` to the sum of embeddings `[B, S, hidden]`, normalized. */
function inferEmbed(node: Node, facts: Facts): void {
  const [ids, table] = [facts.shape(0), facts.shape(2)]
  const type = node.op === 'EmbedLayerNormalization' ? facts.type(2) : 'float32'
  const shape = ids && table && [...ids, table[1]!]
  facts.set(0, type, shape)
  facts.set(1, 'int32', ids && [ids[0]!])
  facts.set(2, type, shape)
}

export const attentionRows: readonly OpRow[] = [
  {
    type: 'Attention',
    infer: inferAttention,
    macs(node) {
      const operands = operandsOf(node, (input) => node.inputs[input]?.shape)
      return operands && attentionMacs(operands.query, operands.total, operands.value[3])
    },
  },
  {
    // A state of D times V is updated and read for each position.
    type: 'LinearAttention',
    infer: inferLinearAttention,
    macs(node) {
      const [query, key, value] = [0, 1, 2].map((input) => fixedShape(node.inputs[input]?.shape))
      const keys = node.int('kv_num_heads', 1)
      if (!query || !key || !value) return undefined
      const state = (key[2]! / keys) * (value[2]! / keys)
      return query[0]! * query[1]! * state * (keys + node.int('q_num_heads', 1))
    },
  },
  // The tables of cosines and sines are computed, not learned.
  { type: 'RotaryEmbedding', infer: sameAsFirst },
  { type: 'TensorScatter', infer: sameAsFirst },
  { type: 'com.microsoft.RotaryEmbedding', infer: sameAsFirst },
  { type: 'com.microsoft.Attention', weights: [kernel(1), vector(2, 'bias')], infer: projected(4), macs: projectedMacs },
  { type: 'com.microsoft.QAttention', weights: [kernel(1), vector(2, 'bias')], infer: projected(8), macs: projectedMacs },
  { type: 'com.microsoft.MultiHeadAttention', weights: [vector(3, 'bias')], infer: inferMultiHead, macs: selfMacs },
  {
    type: 'com.microsoft.GroupQueryAttention',
    weights: [vector(14, 'scale'), vector(15, 'scale')],
    infer: inferGroupQuery,
  },
  {
    type: 'com.microsoft.EmbedLayerNormalization',
    weights: [embedding(2), embedding(3), embedding(4), vector(5, 'scale'), vector(6, 'bias')],
    infer: inferEmbed,
  },
  {
    type: 'com.microsoft.QEmbedLayerNormalization',
    weights: [embedding(2), embedding(3), embedding(4), vector(5, 'scale'), vector(6, 'bias')],
    infer: inferEmbed,
  },
]

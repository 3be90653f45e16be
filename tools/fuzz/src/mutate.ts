import { type Random, opTable } from '@whittle/ir'
import { type Field, type Message, encode, messageField, parse, textField, varintField } from './wire.ts'

/** Numbers that sizes, dims, types and offsets go wrong at. */
const NUMBERS = [0n, 1n, -1n, 2n, 3n, 8n, 21n, 99n, 127n, 2n ** 31n - 1n, 2n ** 31n, -(2n ** 31n), 2n ** 32n, 2n ** 40n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)] // prettier-ignore

const TEXTS = ['', 'x', 'y', 'w', '../w', '/etc/passwd', 'a\nb', '\0', '__proto__', 'constructor', 'toString', '-1', '9007199254740993', '\u{1f600}', 'ai.onnx', 'com.microsoft', 'ai.onnx.ml'] // prettier-ignore

/** What an external location may be; the folder of the fuzzer holds the files (see `check.ts`). */
const LOCATIONS = ['weights.bin', '../secret.bin', '/etc/passwd', '/dev/zero', 'link.bin', 'loop.bin', 'folder', 'pipe', 'folder/../weights.bin', 'C:\\w.bin', 'missing.bin', '.', 'a\0b', 'x'.repeat(5000)] // prettier-ignore

interface Place {
  readonly parent: Message
  readonly field: Field
}

/** Changes a file in one to four places. The same random source makes the same change. */
export function mutate(bytes: Uint8Array, random: Random, donor: Uint8Array): Uint8Array {
  if (random.next() < 0.15) return mutateBytes(bytes, random, donor)
  const root = parse(bytes)
  const places: Place[] = []
  collect(root, places)
  for (let count = 1 + random.integer(4); count > 0 && places.length > 0; count--) {
    const mutation = pick(MUTATIONS, random)
    mutation(pick(places, random), places, random, root)
    // Copies share what is in them: a change of one would be thousands.
    if (mutation === flood) break
  }
  const encoded = encode(root)
  return random.next() < 0.05 ? mutateBytes(encoded, random, donor) : encoded
}

function mutateBytes(bytes: Uint8Array, random: Random, donor: Uint8Array): Uint8Array {
  const at = random.integer(bytes.length + 1)
  switch (random.integer(4)) {
    case 0: {
      const copy = Uint8Array.from(bytes)
      for (let count = 1 + random.integer(8); count > 0; count--) copy[random.integer(copy.length)]! ^= 1 << random.integer(8)
      return copy
    }
    case 1:
      return bytes.slice(0, at)
    case 2:
      return joined(
        bytes.subarray(0, at),
        Uint8Array.from({ length: 1 + random.integer(8) }, () => random.integer(256)),
        bytes.subarray(at),
      )
    default:
      return joined(bytes.subarray(0, at), donor.subarray(random.integer(donor.length)))
  }
}

type Mutation = (place: Place, places: readonly Place[], random: Random, root: Message) => void

const MUTATIONS: readonly Mutation[] = [
  remove,
  duplicate,
  swap,
  replaceByAnother,
  replaceByAnother,
  changeValue,
  changeValue,
  changeValue,
  changeValue,
  changeWire,
  changeTensor,
  changeTensor,
  changeDims,
  changeName,
  changeName,
  changeOp,
  changeVersion,
  nest,
  recursiveFunction,
  flood,
]

function remove({ parent, field }: Place): void {
  parent.fields = parent.fields.filter((other) => other !== field)
}

function duplicate({ parent, field }: Place, _places: readonly Place[], random: Random): void {
  for (let count = 1 + random.integer(3); count > 0; count--)
    parent.fields.splice(random.integer(parent.fields.length + 1), 0, copyOf(field))
}

function swap({ parent }: Place, _places: readonly Place[], random: Random): void {
  const [a, b] = [random.integer(parent.fields.length), random.integer(parent.fields.length)]
  if (parent.fields.length > 0) [parent.fields[a], parent.fields[b]] = [parent.fields[b]!, parent.fields[a]!]
}

/** Puts a field of the same kind from elsewhere in the model here. */
function replaceByAnother({ parent, field }: Place, places: readonly Place[], random: Random): void {
  const others = places.filter((other) => other.parent.type === parent.type && other.field.no === field.no)
  field.value = copyOf(pick(others.length > 1 ? others : places, random).field).value
}

function changeValue({ field }: Place, _places: readonly Place[], random: Random): void {
  if (typeof field.value === 'bigint') field.value = random.next() < 0.5 ? pick(NUMBERS, random) : BigInt(random.integer(40) - 8)
  else if (field.value instanceof Uint8Array)
    field.value = random.next() < 0.4 ? textField(1, pick(TEXTS, random)).value : resized(field.value, random)
  else field.value.fields = random.next() < 0.5 ? [] : field.value.fields.slice(0, random.integer(field.value.fields.length + 1))
}

function changeWire({ field }: Place, _places: readonly Place[], random: Random): void {
  if (random.next() < 0.5) field.no = 1 + random.integer(26)
  else field.wire = random.integer(8)
}

/** Data of another kind, in another field, in another file. */
function changeTensor(_place: Place, places: readonly Place[], random: Random): void {
  const tensors = messagesOf('Tensor', places)
  if (tensors.length === 0) return
  const tensor = pick(tensors, random)
  if (random.next() < 0.4) {
    setField(tensor, varintField(2, random.integer(30)))
    return
  }
  if (random.next() < 0.3) {
    tensor.fields = tensor.fields.filter(({ no }) => no !== 9)
    const no = pick([4, 5, 6, 7, 10, 11], random)
    tensor.fields.push({ no, wire: 2, value: Uint8Array.from({ length: random.integer(40) }, () => random.integer(256)) })
    return
  }
  const entries: [string, string][] = [['location', pick(random.next() < 0.5 ? ['weights.bin'] : LOCATIONS, random)]]
  if (random.next() < 0.7) entries.push(['offset', String(random.next() < 0.5 ? random.integer(4096) : pick(NUMBERS, random))])
  if (random.next() < 0.7) entries.push(['length', String(random.next() < 0.5 ? random.integer(512) : pick(NUMBERS, random))])
  tensor.fields = tensor.fields.filter(({ no }) => no !== 9 || random.next() < 0.2)
  setField(tensor, varintField(14, 1))
  for (const [key, value] of entries) tensor.fields.push(messageField(13, 'Entry', [textField(1, key), textField(2, value)]))
}

function changeDims(_place: Place, places: readonly Place[], random: Random): void {
  const type = pick(['Tensor', 'Shape', 'Dim'], random)
  const messages = messagesOf(type, places)
  if (messages.length === 0) return
  const message = pick(messages, random)
  const size = (): bigint => (random.next() < 0.6 ? pick(NUMBERS, random) : BigInt(random.integer(9)))
  if (type === 'Tensor') {
    message.fields = message.fields.filter(({ no }) => no !== 1)
    for (let rank = random.integer(random.next() < 0.1 ? 300 : 5); rank > 0; rank--) message.fields.push(varintField(1, size()))
  } else if (type === 'Dim') message.fields = [random.next() < 0.7 ? varintField(1, size()) : textField(2, pick(TEXTS, random))]
  else
    message.fields = Array.from({ length: random.integer(random.next() < 0.1 ? 300 : 6) }, () =>
      messageField(1, 'Dim', [
        random.next() < 0.7
          ? varintField(1, size())
          : textField(2, pick([...TEXTS, 'N', '2*N', 'N+1', '((', '1/0', 'N*'.repeat(500)], random)),
      ]),
    )
}

/** Makes cycles, names that are taken twice, and names of nothing. */
function changeName(_place: Place, places: readonly Place[], random: Random): void {
  const isName = ({ parent, field }: Place): boolean =>
    field.value instanceof Uint8Array &&
    ((parent.type === 'Node' && field.no < 3) || (/^(Tensor|Value)$/.test(parent.type) && [1, 8].includes(field.no)))
  const names = places.filter(isName)
  if (names.length > 0) pick(names, random).field.value = pick(names, random).field.value
}

function changeOp(_place: Place, places: readonly Place[], random: Random): void {
  const nodes = messagesOf('Node', places)
  if (nodes.length === 0) return
  const node = pick(nodes, random)
  const [op, domain] = pick(opTable, random).type.split('.').reverse().map((part, index, all) => (index === 0 ? part : all.slice(1).reverse().join('.'))) // prettier-ignore
  setField(node, textField(4, op!))
  setField(node, textField(7, domain ?? ''))
}

function changeVersion(_place: Place, places: readonly Place[], random: Random, root: Message): void {
  const opsets = messagesOf('Opset', places)
  if (random.next() < 0.3) setField(root, varintField(1, random.next() < 0.5 ? random.integer(14) : pick(NUMBERS, random)))
  else if (opsets.length > 0)
    setField(pick(opsets, random), varintField(2, random.next() < 0.8 ? random.integer(28) : pick(NUMBERS, random)))
}

/** Graphs in graphs and types in types, to below what a call stack holds and far beyond it. */
function nest(_place: Place, places: readonly Place[], random: Random): void {
  const depth = pick([2, 8, 30, 48, 90, 400, 1000], random)
  const values = messagesOf('Value', places)
  if (random.next() < 0.4 && values.length > 0) {
    let type: Field = messageField(2, 'Type', [messageField(1, 'TensorType', [varintField(1, 1)])])
    for (let level = 0; level < depth; level++) type = { no: 2, wire: 2, value: encode({ type: 'Type', fields: [messageField(random.integer(2) ? 4 : 9, 'Type', [{ ...type, no: 1 }])] }) } // prettier-ignore
    setField(pick(values, random), type)
    return
  }
  const nodes = messagesOf('Node', places)
  if (nodes.length === 0) return
  let graph: Field = messageField(6, 'Graph', [])
  for (let level = 0; level < depth; level++) {
    const attribute = messageField(5, 'Attribute', [textField(1, 'then_branch'), varintField(20, 5), graph])
    const node = messageField(1, 'Node', [textField(2, `n${level}`), textField(4, 'If'), attribute])
    graph = { no: 6, wire: 2, value: encode({ type: 'Graph', fields: [node] }) }
  }
  pick(nodes, random).fields.push(messageField(5, 'Attribute', [textField(1, 'else_branch'), varintField(20, 5), graph]))
}

/** The number of the field that holds the name of what a message defines. */
const NAMED: Readonly<Record<string, number>> = { Node: 2, Attribute: 1, Value: 1, Tensor: 8 }

/** A field thousands of times: as it is, emptied, or each with a name of its own. */
function flood({ parent, field }: Place, _places: readonly Place[], random: Random): void {
  const { value } = field
  const name = isMessage(value) ? NAMED[value.type] : undefined
  const kind = random.integer(3)
  const copy = (index: number): Field => {
    if (kind === 0 || !isMessage(value)) return field
    if (kind === 1 || name === undefined) return { ...field, value: { type: value.type, fields: [] } }
    return {
      ...field,
      value: { type: value.type, fields: [...value.fields.filter(({ no }) => no !== name), textField(name, `flood${index}`)] },
    }
  }
  const size = isMessage(value) ? encode(value).length : value instanceof Uint8Array ? value.length : 8
  // A million bytes at most: what takes the fuzzer long to write says nothing of the reader.
  const most = 2 ** 20 / (8 + size)
  const copies = Array.from({ length: Math.min(2 ** (6 + random.integer(10)), Math.ceil(most)) }, (_, index) => copy(index))
  parent.fields = [...parent.fields, ...copies]
}

/** Functions that call themselves or each other, and a node that calls one. */
function recursiveFunction(_place: Place, places: readonly Place[], random: Random, root: Message): void {
  const call = (name: string): Field =>
    messageField(7, 'Node', [textField(1, 'a'), textField(2, 'b'), textField(4, name), textField(7, 'own')])
  const opset = messageField(9, 'Opset', [varintField(2, random.integer(23))])
  for (const [name, other] of [
    ['F', random.next() < 0.5 ? 'F' : 'G'],
    ['G', 'F'],
  ] as const)
    // prettier-ignore
    root.fields.push(messageField(25, 'Function', [textField(1, name), textField(10, 'own'), textField(4, 'a'), textField(5, 'b'), opset, call(other)]))
  const nodes = messagesOf('Node', places)
  if (nodes.length === 0) return
  const node = pick(nodes, random)
  setField(node, textField(4, 'F'))
  setField(node, textField(7, 'own'))
}

function collect(message: Message, places: Place[]): void {
  for (const field of message.fields) {
    places.push({ parent: message, field })
    if (isMessage(field.value)) collect(field.value, places)
  }
}

const messagesOf = (type: string, places: readonly Place[]): Message[] =>
  places.flatMap(({ field }) => (isMessage(field.value) && field.value.type === type ? [field.value] : []))

const isMessage = (value: Field['value']): value is Message => typeof value !== 'bigint' && !(value instanceof Uint8Array)

function setField(message: Message, field: Field): void {
  message.fields = [...message.fields.filter(({ no }) => no !== field.no), field]
}

function copyOf(field: Field): Field {
  const { value } = field
  return { ...field, value: isMessage(value) ? { type: value.type, fields: value.fields.map(copyOf) } : value }
}

function resized(bytes: Uint8Array, random: Random): Uint8Array {
  if (random.next() < 0.5) return bytes.slice(0, random.integer(bytes.length + 1))
  return joined(
    bytes,
    Uint8Array.from({ length: 1 + random.integer(16) }, () => random.integer(256)),
  )
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[random.integer(items.length)]!
}

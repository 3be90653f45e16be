import {
  type Dim,
  type ElementType,
  type Model,
  Tensor,
  compress,
  createRandom,
  inferShapes,
  messageOf,
  silentLogger,
  validate,
} from '@whittle/ir'
import { readOnnx, writeOnnx } from '@whittle/ir/onnx'
import { nativeEngine } from '@whittle/engine'
import { simplify } from '@whittle/simplify'
import type * as ort from 'onnxruntime-node'
import { differenceOfProtos } from './equal.ts'
import type { TestCase } from './find.ts'
import { type ModelProto, contentOf, decodeModel, decodeTensor } from './protobuf.ts'
import { differenceOfOutputs, runFile, toOrt } from './run.ts'

/** What one model's checks found. A text is a failure and says why. */
export interface Verdict {
  readonly name: string
  readonly opset: number
  /** Read and written without an upgrade, it says the same. */
  readonly equal: true | string
  /** onnxruntime runs the original; else why not. */
  readonly runs: true | string
  /** onnxruntime gives what ONNX says of the original. */
  readonly passes: boolean
  /** Upgraded, it is valid and gives what the original gives. */
  readonly upgraded: true | string
  /** Simplified, it is valid and gives what the original gives. */
  readonly simplified: true | string
  readonly shapes: Shapes
}

/** Outputs with a declared shape; a text names one and says why. */
export interface Shapes {
  declared: number
  /** Inferred from the shapes of the inputs alone. */
  reachedByShapes: number
  readonly contradicted: string[]
  /** Not inferred when what small inputs hold is known, too: shapes that come as inputs have to be told. */
  readonly missed: string[]
}

const engine = nativeEngine({ threads: 1 })
const engineContext = () => ({ engine, logger: silentLogger, random: createRandom('conformance') })

/** All checks of a model. It throws nothing: what goes wrong is in the verdict. */
export async function check(test: TestCase): Promise<Verdict> {
  const proto = decodeModel(test.model)
  const equal = attempt(() => writtenBack(test.model, proto))
  const shapes: Shapes = { declared: 0, reachedByShapes: 0, contradicted: [], missed: [] }
  let upgradedBytes: Uint8Array | string
  try {
    const model = readOnnx(test.model, { file: test.name })
    validate(model)
    upgradedBytes = writeOnnx(model)
  } catch (error) {
    upgradedBytes = messageOf(error)
  }
  compareShapes(test, proto, shapes)
  const verdict = { name: test.name, opset: opsetOf(proto), equal, shapes }
  let feeds: Record<string, ort.Tensor>[]
  let expected: Awaited<ReturnType<typeof runFile>>
  try {
    feeds = feedsOf(test, proto)
    expected = await runFile(test.model, feeds)
  } catch (error) {
    const said = (step: true | string | Uint8Array) => (typeof step === 'string' ? step : true)
    return { ...verdict, runs: line(error), passes: false, upgraded: said(upgradedBytes), simplified: true }
  }
  // Ops that draw numbers give others each time: only types and shapes can be the same.
  const repeats = !differsAnywhere(expected, await runFile(test.model, feeds), true)
  const passes = !repeats || passesOn(test, proto, expected)
  const compare = async (bytes: Uint8Array | string): Promise<true | string> => {
    if (typeof bytes === 'string') return bytes
    try {
      return differsAnywhere(expected, await runFile(bytes, feeds), repeats) ?? true
    } catch (error) {
      return `onnxruntime: ${line(error)}`
    }
  }
  return { ...verdict, runs: true, passes, upgraded: await compare(upgradedBytes), simplified: await compare(await simplified(test)) }
}

function opsetOf(proto: ModelProto): number {
  return Number(proto.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0n)
}

function attempt(step: () => string | undefined): true | string {
  try {
    return step() ?? true
  } catch (error) {
    return messageOf(error)
  }
}

function writtenBack(bytes: Uint8Array, proto: ModelProto): string | undefined {
  const written = writeOnnx(readOnnx(bytes, { upgrade: false }), { valueInfo: true })
  return differenceOfProtos(proto, decodeModel(written))
}

async function simplified(test: TestCase): Promise<Uint8Array | string> {
  try {
    const { model } = await compress(readOnnx(test.model, { file: test.name }), [simplify()], engineContext())
    return writeOnnx(model)
  } catch (error) {
    return messageOf(error)
  }
}

function feedsOf(test: TestCase, proto: ModelProto): Record<string, ort.Tensor>[] {
  const inputs = inputsOf(proto)
  return test.sets.map((set) =>
    Object.fromEntries(
      set.inputs.map((bytes, index) => {
        const info = inputs[index]!
        if (info.type?.value.case !== 'tensorType')
          throw new Error(`onnxruntime-node takes no ${info.type?.value.case ?? 'untyped value'} as input`)
        return [info.name, toOrt(decodeTensor(bytes))]
      }),
    ),
  )
}

function inputsOf(proto: ModelProto): NonNullable<ModelProto['graph']>['input'] {
  const constants = new Set(proto.graph!.initializer.map(({ name }) => name))
  return proto.graph!.input.filter(({ name }) => !constants.has(name))
}

function passesOn(test: TestCase, proto: ModelProto, found: Awaited<ReturnType<typeof runFile>>): boolean {
  try {
    return test.sets.every((set, index) => {
      const expected = set.outputs.map((bytes, at) => [proto.graph!.output[at]!.name, toOrt(decodeTensor(bytes))] as const)
      return !differenceOfOutputs(Object.fromEntries(expected), found[index]!)
    })
  } catch {
    return false
  }
}

function differsAnywhere(
  a: Awaited<ReturnType<typeof runFile>>,
  b: Awaited<ReturnType<typeof runFile>>,
  values: boolean,
): string | undefined {
  return a.map((outputs, index) => differenceOfOutputs(outputs, b[index]!, values)).find((difference) => difference !== undefined)
}

/** Infers what the file declares of its outputs: from the inputs' shapes, and then from what small inputs hold as well. */
function compareShapes(test: TestCase, proto: ModelProto, result: Shapes): void {
  for (const told of [false, true]) {
    let model: Model
    try {
      model = readOnnx(test.model)
    } catch {
      return
    }
    const declared = new Map(
      model.graph.outputs.flatMap((value) => (value.producer && value.shape ? [[value, { ...value }] as const] : [])),
    )
    for (const node of model.nodes()) for (const output of node.outputs) if (output) output.elementType = output.shape = undefined
    if (told) tell(model, test, proto)
    let why: Map<string, string>
    try {
      why = new Map(inferShapes(model).unknown.map(({ at, why }) => [at, why]))
    } catch (error) {
      result.contradicted.push(messageOf(error))
      return
    }
    const verdicts = [...declared].map(([output, stated]) => ({ output, stated, ...judge(output, stated) }))
    for (const { conflict, said } of verdicts) if (conflict) result.contradicted.push(said)
    const missed = verdicts.filter(({ reached }) => !reached)
    if (told)
      for (const { output, said } of missed)
        result.missed.push(`${said} (${why.get(output.producer!.describe()) ?? output.producer!.describe()})`)
    else {
      result.declared = verdicts.length
      result.reachedByShapes = verdicts.length - missed.length
    }
  }
}

type Stated = { elementType: ElementType | undefined; shape: Dim[] | undefined }

function judge(output: Stated & { name: string }, stated: Stated): { conflict: boolean; reached: boolean; said: string } {
  const [found, shape] = [output.shape, stated.shape!]
  const said = `'${output.name}' is declared ${stated.elementType}[${shape}], inferred ${output.elementType}[${found ?? '?'}]`
  const isFixed = (dim: Dim): boolean => typeof dim === 'number'
  const otherType = output.elementType !== undefined && stated.elementType !== undefined && output.elementType !== stated.elementType
  const otherShape =
    found !== undefined &&
    (found.length !== shape.length || found.some((dim, axis) => isFixed(dim) && isFixed(shape[axis]!) && dim !== shape[axis]))
  const reached =
    output.elementType !== undefined && found !== undefined && shape.every((dim, axis) => !isFixed(dim) || isFixed(found[axis]!))
  return { conflict: otherType || otherShape, reached: reached && !otherShape && !otherType, said }
}

/** Makes constants of the inputs of at most 128 elements. */
function tell(model: Model, test: TestCase, proto: ModelProto): void {
  const inputs = inputsOf(proto)
  test.sets[0]?.inputs.forEach((bytes, index) => {
    const name = inputs[index]?.name
    const value = model.graph.inputs.find((input) => input.name === name)
    if (!value?.elementType) return
    const tensor = decodeTensor(bytes)
    const dims = tensor.dims.map(Number)
    if (dims.reduce((size, dim) => size * dim, 1) > 128) return
    const content = contentOf(tensor)
    model.graph.setInputDefault(
      value,
      Array.isArray(content) ? Tensor.strings(dims, content) : Tensor.fromBytes(value.elementType, dims, content),
    )
    model.graph.removeInput(value)
  })
}

const line = (error: unknown): string => messageOf(error).split('\n')[0]!.slice(0, 200)

import { Model, ModelError, UnsupportedError, WhittleError, inferShapes, messageOf, validate } from '@whittle/ir'
import { dilatedConvs } from './dilated.ts'
import { FlatFile, type FlatTable } from './flat.ts'
import { Lowering } from './lowering.ts'
import { Op } from './op.ts'
import { lowerConv } from './ops/conv.ts'
import { CUSTOM_OPS, OPS } from './ops/table.ts'
import { checkShapes } from './check-shapes.ts'
import { BUILTIN_OPERATOR, BUILTIN_OPTIONS } from './schema/tables.ts'
import { readTensor } from './tensor.ts'

export interface ReadTfliteOptions {
  /** Names the file in messages. */
  file?: string
}

/**
 * Reads a TensorFlow Lite model (schema version 3). Weights stay views of `bytes`, so these may not change afterwards.
 *
 * Inputs and outputs keep their names, types and shapes: channels come last, and are moved first only around what convolutions read and
 * give. Quantized tensors become QuantizeLinear and DequantizeLinear around nodes that compute in float32; float16 weights become float32.
 * @throws {ModelError} when the file is no such model or contradicts itself; {@link UnsupportedError} when it holds what this version
 * cannot read, a custom op say.
 */
export function readTflite(bytes: Uint8Array, options: ReadTfliteOptions = {}): Model {
  const name = options.file ?? 'model'
  try {
    return readModel(new FlatFile(bytes, name), bytes)
  } catch (error) {
    if (error instanceof WhittleError) {
      if (!error.message.startsWith(name)) error.message = `${name}: ${error.message}`
      throw error
    }
    // What the checks of shapes let through trips a rule of the ops.
    if (error instanceof TypeError || error instanceof RangeError)
      throw new ModelError('TFLITE_INVALID', `${name}: the model contradicts itself (${messageOf(error)}); convert it again`, {
        cause: error,
      })
    throw error
  }
}

function readModel(file: FlatFile, bytes: Uint8Array): Model {
  if (file.size < 8 || new TextDecoder('latin1').decode(bytes.subarray(4, 8)) !== 'TFL3')
    throw new ModelError(
      'TFLITE_MAGIC',
      `${file.file}: this is no TensorFlow Lite model (its bytes 4 to 7 are not 'TFL3'); check the file, or convert the model again`,
    )
  const root = file.root('Model')
  const version = root.number('version')
  if (version !== 3) throw new UnsupportedError('TFLITE_VERSION', `${file.file}: version ${version} of the schema; Whittle reads version 3`)
  const [main, ...others] = root.tables('subgraphs')
  if (!main) throw new ModelError('TFLITE_EMPTY', `${file.file}: the model has no subgraph; convert it again`)
  const buffers = root.tables('buffers')
  const infos = main.tables('tensors').map((table, index) => {
    if (table.number('externalBuffer') !== 0)
      throw new UnsupportedError('TFLITE_EXTERNAL', `${file.file}: the weights lie in other files; convert the model into one file`)
    return readTensor(table, index, buffers, file)
  })
  const codes = root.tables('operatorCodes')
  const ops = main.tables('operators').map((table, index) => readOp(table, index, codes, infos, others.length))
  const model = new Model(main.text('name') || 'main')
  model.metadata.docString = root.text('description')
  model.metadata.producerName = 'TensorFlow Lite'
  const outputs = main.numbers('outputs')
  const lowering = new Lowering(model.graph, infos, outputs)
  for (const ref of main.numbers('inputs')) lowering.addInput(ref)
  const { heads, dropped } = dilatedConvs(ops, outputs, lowering)
  for (const op of ops) {
    if (dropped.has(op)) continue
    lowering.op = op
    const around = heads.get(op)
    if (around) lowerConv(lowering, around)
    else op.row.lower(lowering)
  }
  if (outputs.length === 0) throw new ModelError('TFLITE_EMPTY', `${file.file}: the model has no outputs; convert it again`)
  for (const ref of outputs) lowering.addOutput(ref)
  model.graph.sort()
  inferShapes(model)
  checkShapes(model, lowering)
  validate(model)
  return model
}

function readOp(table: FlatTable, index: number, codes: readonly FlatTable[], infos: readonly { name: string }[], subgraphs: number): Op {
  const code = codes[table.number('opcodeIndex')]
  if (!code)
    throw new ModelError(
      'TFLITE_INVALID',
      `node ${index} is of op ${table.number('opcodeIndex')} of ${codes.length}; convert the model again`,
    )
  // The old field ends at 127, and is what old files have.
  const number = Math.max(code.number('builtinCode'), code.number('deprecatedBuiltinCode'))
  const builtin = BUILTIN_OPERATOR[number] ?? `op ${number}`
  const name = builtin === 'CUSTOM' ? code.text('customCode') : builtin
  const outputs = table.numbers('outputs')
  const label = `${name} '${infos[outputs[0] ?? -1]?.name ?? index}'`
  const row = (builtin === 'CUSTOM' ? CUSTOM_OPS : OPS).get(name)
  if (!row) {
    const what = builtin === 'CUSTOM' ? `${label} is a custom op` : `${label} is an op that Whittle does not read`
    const more = subgraphs > 0 ? ', or run what is around it outside of the model' : ''
    throw new UnsupportedError('TFLITE_OP', `${what}; convert the model without it${more}`)
  }
  const type = BUILTIN_OPTIONS[table.number('builtinOptionsType')]
  const isGiven = row.options !== undefined && table.has('builtinOptions') && type !== 'NONE'
  if (isGiven && type !== row.options)
    throw new ModelError('TFLITE_INVALID', `${label} has the options of another op (${type}); convert the model again`)
  return new Op(
    name,
    label,
    row,
    { inputs: table.numbers('inputs'), outputs },
    { table: isGiven ? table.union('builtinOptions', row.options!) : undefined, custom: table.bytes('customOptions') },
  )
}

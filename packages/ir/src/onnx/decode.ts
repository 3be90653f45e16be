import { fromBinary } from '@bufbuild/protobuf'
import { ModelError, UnsupportedError, messageOf } from '../errors.ts'
import { type ModelProto, ModelProtoSchema } from './gen/onnx_pb.ts'
import { checkWeight } from './weigh.ts'

/** Protobuf messages end at 2 GiB, whatever the library. */
export const MAX_BYTES = 2 ** 31 - 1

/** @throws {UnsupportedError} for a file that no protobuf library reads. */
export function checkFileSize(size: number, file: string): void {
  if (size > MAX_BYTES)
    throw new UnsupportedError(
      'MODEL_TOO_LARGE',
      `${file}: the file has ${size} bytes, and an ONNX file holds at most ${MAX_BYTES}; export the model with its weights as external data`,
    )
}

/** The file's message; all that is not an ONNX model is told apart first, since protobuf accepts almost any bytes. */
export function decodeModel(bytes: Uint8Array, file: string): ModelProto {
  checkFileSize(bytes.length, file)
  if (bytes.length === 0) throw new ModelError('MODEL_EMPTY', `${file}: the file is empty; export or download the model again`)
  refuseText(bytes, file)
  checkWeight(bytes, file)
  let proto: ModelProto
  try {
    proto = fromBinary(ModelProtoSchema, bytes)
  } catch (error) {
    // A model's first field is ir_version: what starts so was a model once.
    if (bytes[0] === 0x08)
      throw new ModelError(
        'MODEL_TRUNCATED',
        `${file}: the file is cut off or damaged (${bytes.length} bytes); export or download the model again`,
        {
          cause: error,
        },
      )
    throw new ModelError('MODEL_FORMAT', `${file}: not an ONNX model (${messageOf(error)}); give the .onnx file that the exporter wrote`, {
      cause: error,
    })
  }
  if (!proto.graph)
    throw new ModelError(
      'MODEL_NO_GRAPH',
      `${file}: the file holds no graph, so it is no ONNX model, or it is cut off; export or download the model again`,
    )
  if (proto.opsetImport.length === 0)
    throw new ModelError('MODEL_NO_OPSET', `${file}: the model names no operator set, so its ops have no meaning; export it again`)
  if (proto.trainingInfo.length > 0)
    throw new UnsupportedError('MODEL_TRAINING', `${file}: the model holds training information; export it for inference`)
  return proto
}

function refuseText(bytes: Uint8Array, file: string): void {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 512))
  if (start.startsWith('version https://git-lfs.github.com/spec/'))
    throw new ModelError('MODEL_LFS_POINTER', `${file}: the file is a Git LFS pointer, not the model; run \`git lfs pull\``)
  if (/^\s*(?:<!doctype\s+html|<html|<\?xml|<head)/i.test(start))
    throw new ModelError('MODEL_HTML', `${file}: the file is a web page, not a model; download the model itself (the "raw" link)`)
  // An ONNX file begins with control characters (field tags) and holds more; text has none but white space.
  if (/^[\t\n\r\x20-\x7e\x80-\xff]+$/.test(start))
    throw new ModelError('MODEL_TEXT', `${file}: the file is text, not an ONNX model; give the binary .onnx file`)
}

import address from '@model/direction.onnx?url'
import * as ort from 'onnxruntime-web'
import { dims, pixels, visit } from '../visit.js'

void visit(async () => {
  const session = await ort.InferenceSession.create(address)
  const run = async () => Object.values(await session.run({ x: new ort.Tensor('float32', pixels, dims) }))[0].data
  return { run, told: 'onnxruntime-web' }
})

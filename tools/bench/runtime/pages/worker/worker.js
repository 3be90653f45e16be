import model from '@model/direction.onnx?int8&prune=0.3'
import { dims, pixels } from '../visit.js'

try {
  const session = await model.load()
  const { data } = Object.values(await session.run({ x: { type: 'float32', data: pixels, dims } }))[0]
  self.postMessage({ answer: Array.from(data), told: session.variant.id })
} catch (error) {
  self.postMessage({ failed: String(error) })
}

import model from '@model/direction.onnx?int8&prune=0.3'
import { dims, pixels, visit } from '../visit.js'

const device = new URLSearchParams(location.search).get('device')

void visit(async () => {
  const session = await model.load(device ? { devices: [device] } : {})
  const run = async () => Object.values(await session.run({ x: { type: 'float32', data: pixels, dims } }))[0].data
  return { run, told: session.variant.id }
})

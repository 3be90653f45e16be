import { type Model, inferShapes, macsOf } from '@whittle/ir'
import { tfjsCost } from '@whittle/targets'
import { whyNoProgram } from '@whittle/tfjs/write'
import { nearestRow } from '../lower/nearest-row.ts'

/** The most that a run may cost on the small runtime, as a ratio to fp32 on onnxruntime-web's wasm. */
export const MOST_TIME = 1.25

/**
 * Why the small runtime does not execute a model by itself; undefined where it does: it covers the model, and by the measured table a run takes at
 * most 1.25 times as long as in fp32 on onnxruntime-web. (What is downloaded is always less: the runtime is a twentieth of the other's size.)
 * @param model as {@link sized} gives it.
 */
export function whyNotSmall(model: Model): string | undefined {
  const why = whyNoProgram(model)
  if (why !== undefined) return why
  const ratio = predictedTime(model)
  return ratio > MOST_TIME ? `a run would take ${ratio.toFixed(2)} times as long as on onnxruntime-web` : undefined
}

/** What a user must see of a run on the small runtime; undefined where it takes no longer. */
export function slowerOnSmall(model: Model): string | undefined {
  const ratio = predictedTime(model)
  if (ratio < 1.05) return undefined
  return `runs on the small runtime, where a run is forecast to take ${ratio.toFixed(2)} times as long as in fp32 on onnxruntime-web, which is 2.3 MB more to download; runtime=onnx takes that`
}

/** The time of all nodes with weights, as a ratio to fp32 on onnxruntime-web; what lies between them takes little. */
function predictedTime(model: Model): number {
  let [ours, theirs] = [0, 0]
  for (const node of model.graph.nodes) {
    const shape = node.outputs[0]?.shape?.map((dim) => (typeof dim === 'number' ? dim : 1))
    const depthwise = node.type === 'Conv' && node.int('group', 1) > 1
    const rows = tfjsCost.rows.filter((row) => row.depthwise === depthwise)
    const nearest = nearestRow(node, shape, rows)
    if (!nearest) continue
    ours += nearest.row.tfjs * nearest.scale
    theirs += nearest.row.fp32 * nearest.scale
  }
  return theirs > 0 ? ours / theirs : 1
}

/** Multiply-accumulates that WebAssembly with one thread does in about the time of one frame. */
const FRAME_MACS = 100e6

/**
 * Whether a run takes about a frame's time on the small runtime. Then it is the first choice on every device: a GPU or an NPU has little left to
 * save, and its runtime is 25 times as large.
 */
export function fitsFrame(model: Model): boolean {
  const { total } = macsOf(model)
  return total !== undefined && total <= FRAME_MACS
}

/** A copy of a model whose values have the dims of a typical run. @param shapes the inputs' dims, by name. */
export function sized(model: Model, shapes: Readonly<Record<string, readonly number[]>>): Model {
  const copy = model.clone()
  inferShapes(copy, { dims: Object.fromEntries(Object.entries(shapes).map(([name, dims]) => [name, [...dims]])) })
  return copy
}

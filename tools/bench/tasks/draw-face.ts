import { type SKRSContext2D, createCanvas } from '@napi-rs/canvas'
import { type Random, createRandom } from '@whittle/ir'
import { addGrain } from 'example-text-direction/draw'
import type { Picture } from 'example-text-direction/picture'

/** A drawn head and shoulders before a background of shapes, with shading, blur and grain: what a face detector takes for a face. */
export function drawFace(seed: string, side: number): Picture {
  const random = createRandom(seed)
  const context = createCanvas(side, side).getContext('2d')
  background(context, random, side)
  context.save()
  const size = side * (0.16 + 0.22 * random.next())
  context.translate(side * (0.3 + 0.4 * random.next()), side * (0.3 + 0.35 * random.next()))
  context.rotate(0.5 * (random.next() - 0.5))
  context.scale(size, size)
  head(context, random)
  context.restore()
  const picture = context.getImageData(0, 0, side, side)
  const slope = (): number => 60 * (random.next() - 0.5)
  addGrain(random, picture, { grain: 1 + 8 * random.next(), slopes: [slope(), slope()] })
  return picture
}

type Colour = readonly [number, number, number]

const SKINS: readonly Colour[] = [
  [241, 194, 165],
  [224, 172, 138],
  [198, 134, 98],
  [141, 85, 56],
  [92, 56, 38],
]

const HAIRS: readonly Colour[] = [
  [30, 24, 20],
  [80, 52, 32],
  [160, 120, 70],
  [120, 120, 120],
  [110, 50, 25],
]

function css([red, green, blue]: Colour, light = 1, alpha = 1): string {
  const level = (value: number): number => Math.round(Math.min(255, value * light))
  return `rgba(${level(red)}, ${level(green)}, ${level(blue)}, ${alpha})`
}

function background(context: SKRSContext2D, random: Random, side: number): void {
  const colour = (): Colour => [255 * random.next(), 255 * random.next(), 255 * random.next()]
  const sky = context.createLinearGradient(0, 0, side * random.next(), side)
  sky.addColorStop(0, css(colour()))
  sky.addColorStop(1, css(colour()))
  context.fillStyle = sky
  context.fillRect(0, 0, side, side)
  for (let shape = random.integer(8); shape > 0; shape--) {
    context.fillStyle = css(colour(), 1, 0.5)
    context.fillRect(side * random.next(), side * random.next(), side * 0.4 * random.next(), side * 0.4 * random.next())
  }
}

/** About the origin; half the face's height is 1. */
function head(context: SKRSContext2D, random: Random): void {
  const skin = SKINS[random.integer(SKINS.length)]!
  const hair = HAIRS[random.integer(HAIRS.length)]!
  const width = 0.72 + 0.12 * random.next()
  const turned = 0.16 * (random.next() - 0.5)
  const long = random.next() < 0.5

  blob(context, css([255 * random.next(), 255 * random.next(), 255 * random.next()], 0.8), 0, 2.1, 1.7, 0.95)
  blob(context, css(skin, 0.8), 0, 1, 0.38, 0.6)
  if (long) blob(context, css(hair, 0.9), 0, 0.1, width + 0.22, 1.3)
  blob(context, css(skin, 0.85), -width, 0.05, 0.12, 0.2)
  blob(context, css(skin, 0.85), width, 0.05, 0.12, 0.2)
  blob(context, css(hair), 0, -0.28, width + 0.1, 0.92)

  const light = context.createRadialGradient(turned * 2 - 0.25, -0.3, 0.1, 0, 0, 1.2)
  light.addColorStop(0, css(skin, 1.1))
  light.addColorStop(0.6, css(skin))
  light.addColorStop(1, css(skin, 0.65))
  blob(context, light, 0, 0.05, width, 0.95)
  fringe(context, css(hair), width, random)

  const gaze = 0.05 * (random.next() - 0.5)
  const open = 0.075 + 0.03 * random.next()
  for (const side of [-1, 1]) {
    const [x, y] = [side * 0.32 + turned, -0.08]
    blob(context, css(skin, 0.72, 0.6), x, y - 0.01, 0.2, 0.14)
    blob(context, 'rgb(238, 236, 232)', x, y, 0.145, open)
    blob(context, css(hair, 0.9), x + gaze, y, 0.07, open)
    blob(context, 'rgb(10, 8, 8)', x + gaze, y, 0.035, 0.038)
    blob(context, 'rgb(255, 255, 255)', x + gaze + 0.02, y - 0.025, 0.014, 0.014)
    stroke(context, css(skin, 0.35), 0.035, [x - 0.15, y, x, y - open * 2, x + 0.15, y])
    stroke(context, css(hair, 0.9), 0.06, [x - 0.19, y - 0.2, x, y - 0.3, x + 0.19, y - 0.2])
  }

  stroke(context, css(skin, 0.75), 0.05, [turned + 0.06, -0.05, turned * 1.6 + 0.12, 0.2, turned * 1.6 + 0.1, 0.32])
  blob(context, css(skin, 1.12), turned * 1.6, 0.22, 0.07, 0.09)
  stroke(context, css(skin, 0.55), 0.045, [turned * 1.6 - 0.12, 0.33, turned * 1.6, 0.4, turned * 1.6 + 0.12, 0.33])
  const smile = 0.1 * random.next()
  blob(context, css([190, 80, 80], 0.5 + 0.5 * (skin[0] / 255)), turned * 1.3, 0.6, 0.24, 0.075)
  stroke(context, css([90, 30, 30]), 0.03, [
    turned * 1.3 - 0.25,
    0.6 - smile / 2,
    turned * 1.3,
    0.6 + smile,
    turned * 1.3 + 0.25,
    0.6 - smile / 2,
  ])
  blob(context, css(skin, 0.8, 0.5), turned, 0.74, 0.16, 0.04)
}

function fringe(context: SKRSContext2D, colour: string, width: number, random: Random): void {
  context.fillStyle = colour
  context.beginPath()
  context.moveTo(-width - 0.04, 0)
  context.quadraticCurveTo(-width, -0.95, 0, -1.02)
  context.quadraticCurveTo(width, -0.95, width + 0.04, 0)
  context.quadraticCurveTo(width - 0.08, -0.5, 0.3 * (random.next() - 0.5), -0.5 - 0.15 * random.next())
  context.quadraticCurveTo(-width + 0.08, -0.5, -width - 0.04, 0)
  context.fill()
}

function blob(context: SKRSContext2D, fill: SKRSContext2D['fillStyle'], x: number, y: number, width: number, height: number): void {
  context.fillStyle = fill
  context.beginPath()
  context.ellipse(x, y, width, height, 0, 0, 2 * Math.PI)
  context.fill()
}

function stroke(context: SKRSContext2D, colour: string, width: number, curve: readonly number[]): void {
  const [x, y, viaX, viaY, toX, toY] = curve as [number, number, number, number, number, number]
  context.strokeStyle = colour
  context.lineWidth = width
  context.lineCap = 'round'
  context.beginPath()
  context.moveTo(x, y)
  context.quadraticCurveTo(viaX, viaY, toX, toY)
  context.stroke()
}

import { type SKRSContext2D, createCanvas } from '@napi-rs/canvas'
import { type Random, createRandom } from '@whittle/ir'
import { addGrain, registerFace } from 'example-text-direction/draw'
import type { Picture } from 'example-text-direction/picture'

export interface PageOptions {
  readonly words: readonly string[]
  /** Files of `dejavu-fonts-ttf`, without `.ttf`. */
  readonly faces: readonly string[]
  /** Pixels a side. */
  readonly side: number
}

/** A page as a camera may see it: paper with a slope of light, shapes, and blocks of words in many sizes, colours and angles, under grain. */
export function drawPage(seed: string, { words, faces, side }: PageOptions): Picture {
  const random = createRandom(seed)
  const context = createCanvas(side, side).getContext('2d')
  const paper = random.next() < 0.75 ? 150 + 105 * random.next() : 90 * random.next()
  context.fillStyle = tint(random, paper)
  context.fillRect(0, 0, side, side)
  for (let shape = random.integer(7); shape > 0; shape--) drawShape(context, random, paper, side)
  const taken: Box[] = []
  const wanted = 2 + random.integer(9)
  for (let trial = 0; trial < 4 * wanted && taken.length < wanted; trial++) {
    const size = Math.round(12 * 2 ** (2.6 * random.next()))
    const lines = Array.from({ length: 1 + random.integer(size < 30 ? 4 : 2) }, () =>
      Array.from({ length: 1 + random.integer(4) }, () => wordOf(random, words)).join(' '),
    )
    setFont(context, faces[random.integer(faces.length)]!, size)
    const width = Math.max(...lines.map((line) => context.measureText(line).width))
    const height = lines.length * size * 1.4
    const angle = angleOf(random)
    const reach = { x: extent(width, height, angle), y: extent(height, width, angle) }
    if (reach.x > side || reach.y > side) continue
    const box = { x: reach.x / 2 + (side - reach.x) * random.next(), y: reach.y / 2 + (side - reach.y) * random.next(), reach }
    if (taken.some((other) => meet(box, other))) continue
    taken.push(box)
    context.save()
    context.translate(box.x, box.y)
    context.rotate(angle)
    drawBlock(context, random, { lines, width, height, size, paper })
    context.restore()
  }
  const picture = context.getImageData(0, 0, side, side)
  const slope = (): number => 60 * (random.next() - 0.5)
  addGrain(random, picture, { grain: 2 + 14 * random.next(), slopes: [slope(), slope()] })
  return picture
}

interface Box {
  readonly x: number
  readonly y: number
  /** Width and height of the upright rectangle around a turned block. */
  readonly reach: { readonly x: number; readonly y: number }
}

function drawBlock(
  context: SKRSContext2D,
  random: Random,
  { lines, width, height, size, paper }: { lines: string[]; width: number; height: number; size: number; paper: number },
): void {
  let behind = paper
  if (random.next() < 0.3) {
    behind = 255 * random.next()
    context.fillStyle = tint(random, behind)
    context.fillRect(-width / 2 - size * 0.3, -height / 2 - size * 0.1, width + size * 0.6, height + size * 0.2)
  }
  const contrast = 70 + 150 * random.next()
  context.fillStyle = tint(random, behind > 127 ? behind - contrast : behind + contrast)
  for (const [row, line] of lines.entries()) context.fillText(line, -width / 2, -height / 2 + size * (1.4 * row + 1.05))
}

/** A line, a disc or a rectangle that is no text. */
function drawShape(context: SKRSContext2D, random: Random, paper: number, side: number): void {
  const [x, y, size] = [side * random.next(), side * random.next(), side * (0.05 + 0.35 * random.next())]
  context.fillStyle = context.strokeStyle = tint(random, paper + 120 * (random.next() - 0.5))
  context.lineWidth = 1 + random.integer(6)
  context.beginPath()
  const kind = random.integer(4)
  if (kind === 0) {
    context.moveTo(x, y)
    context.lineTo(side * random.next(), side * random.next())
  } else if (kind === 1) context.arc(x, y, size / 2, 0, 2 * Math.PI)
  else context.rect(x, y, size, size * (0.2 + random.next()))
  if (kind === 0 || random.next() < 0.5) context.stroke()
  else context.fill()
}

function setFont(context: SKRSContext2D, face: string, size: number): void {
  registerFace(face)
  context.font = `${size}px "${face}"`
}

/** Mostly level, sometimes tilted, seldom upright or at any angle. Radians. */
function angleOf(random: Random): number {
  const kind = random.next()
  const spread = random.next() - 0.5
  if (kind < 0.6) return 0.06 * spread
  if (kind < 0.85) return 0.7 * spread
  return kind < 0.93 ? (random.next() < 0.5 ? -1 : 1) * (Math.PI / 2) : 2 * Math.PI * spread
}

function extent(along: number, across: number, angle: number): number {
  return Math.abs(along * Math.cos(angle)) + Math.abs(across * Math.sin(angle))
}

function meet(a: Box, b: Box): boolean {
  return Math.abs(a.x - b.x) * 2 < a.reach.x + b.reach.x && Math.abs(a.y - b.y) * 2 < a.reach.y + b.reach.y
}

/** A CSS colour about a level from 0 to 255. */
function tint(random: Random, level: number): string {
  const channel = (): number => Math.round(Math.min(255, Math.max(0, level + 70 * (random.next() - 0.5))))
  return `rgb(${channel()} ${channel()} ${channel()})`
}

/** In lower case, with a capital, in capitals, or a number. */
function wordOf(random: Random, words: readonly string[]): string {
  const word = words[random.integer(words.length)]!
  const style = random.next()
  if (style < 0.5) return word
  if (style < 0.75) return word[0]!.toUpperCase() + word.slice(1)
  return style < 0.9 ? word.toUpperCase() : `${random.integer(100000)}`
}

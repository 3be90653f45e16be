import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { GlobalFonts, createCanvas } from '@napi-rs/canvas'
import { type Dataset, type Random, Tensor, createRandom, defineDataset } from '@whittle/ir'
import { INPUT_DIMS, type Picture, toInput, turn } from '../src/picture.ts'

/** A drawn line of text, and the truth about it. */
export interface Line {
  readonly text: string
  readonly picture: Picture
  readonly turned: boolean
}

export interface LinesOptions {
  /** The same seed draws the same lines. */
  readonly seed: string
  readonly words: readonly string[]
  readonly count: number
  /** How hard the lines are to read: 0 is clean, 1 is what the figures are taken on. */
  readonly noise?: number
  /** Words of a line; 2 by default. */
  readonly length?: number
  /** Names of files in `dejavu-fonts-ttf`, without `.ttf`; by default thirteen of them. */
  readonly faces?: readonly string[]
}

/** Draws lines of words in many faces, sizes, colours and contrasts, every second one or so upside down. */
export function* drawLines({ seed, count, ...options }: LinesOptions): Generator<Line> {
  for (let index = 0; index < count; index++) yield drawLine(createRandom(`${seed}/${index}`), options)
}

/** The drawn lines as the model's samples. The label is the class: 0 upright, 1 upside down. */
export function lineDataset(options: LinesOptions): Dataset {
  const { seed, words, count, noise = 1 } = options
  return defineDataset({
    key: `lines/${seed}/${words.length}/${count}/${noise}`,
    length: count,
    async *samples() {
      for (const { picture, turned } of drawLines(options))
        yield { inputs: { x: Tensor.float32(INPUT_DIMS, toInput(picture)) }, label: turned ? 1 : 0 }
    },
  })
}

function drawLine(random: Random, { words, noise = 1, length = 2, faces = FACES }: Omit<LinesOptions, 'seed' | 'count'>): Line {
  const text = Array.from({ length }, () => pickWord(random, words)).join(' ')
  const face = pick(random, faces)
  const size = 18 + random.integer(25)
  const margin = (): number => Math.round(size * (0.08 + 0.2 * random.next()))
  const [paper, ink] = pickColours(random, noise)
  const upright = drawText({ text, face, size, paper, ink, margins: [margin(), margin(), margin(), margin()] })
  const turned = random.next() < 0.5
  const picture = turned ? turn(upright) : upright
  const slope = (): number => noise * 45 * (random.next() - 0.5)
  addGrain(random, picture, { grain: noise * (3.6 + 27 * random.next()), slopes: [slope(), slope()] })
  return { text, picture, turned }
}

export interface TextStyle {
  readonly text: string
  /** A file's name in `dejavu-fonts-ttf`, without `.ttf`. */
  readonly face: string
  /** In pixels. */
  readonly size: number
  /** CSS colours. */
  readonly paper: string
  readonly ink: string
  /** Left, right, top and bottom, in pixels, around the ink. */
  readonly margins: readonly [left: number, right: number, top: number, bottom: number]
}

/** Ink on paper, cropped to the line with its margins. */
export function drawText({ text, face, size, paper, ink, margins: [left, right, top, bottom] }: TextStyle): Picture {
  registerFace(face)
  const font = `${size}px "${face}"`
  const ruler = createCanvas(1, 1).getContext('2d')
  ruler.font = font
  const box = ruler.measureText(text)
  const ascent = Math.ceil(box.actualBoundingBoxAscent)
  const width = Math.ceil(box.width) + left + right
  const height = ascent + Math.ceil(box.actualBoundingBoxDescent) + top + bottom
  const context = createCanvas(width, height).getContext('2d')
  context.fillStyle = paper
  context.fillRect(0, 0, width, height)
  context.fillStyle = ink
  context.font = font
  context.fillText(text, left, top + ascent)
  return context.getImageData(0, 0, width, height)
}

export interface Grain {
  /** Standard deviation, in levels of 255. */
  readonly grain: number
  /** How much lighter the right and the lower edge are than those opposite. */
  readonly slopes?: readonly [x: number, y: number]
}

/** Normally distributed grain, the same on the three channels, over a slow slope of light. In place. */
export function addGrain(random: Random, { width, height, data }: Picture, { grain, slopes: [slopeX, slopeY] = [0, 0] }: Grain): void {
  const table = normals()
  for (let y = 0, at = 0; y < height; y++) {
    let next = random.integer(table.length)
    for (let x = 0; x < width; x++, at += 4) {
      next = (next + 1) % table.length
      const change = grain * table[next]! + slopeX * (x / width - 0.5) + slopeY * (y / height - 0.5)
      data[at]! += change
      data[at + 1]! += change
      data[at + 2]! += change
    }
  }
}

/** Dark on light or light on dark, sometimes faint. CSS colours. */
function pickColours(random: Random, noise: number): [paper: string, ink: string] {
  const contrast = 230 - noise * 153 * random.next()
  const dark = random.next() * (255 - contrast)
  const tint = (level: number): string => {
    const channel = (): number => Math.round(Math.min(255, Math.max(0, level + 30 * (random.next() - 0.5))))
    return `rgb(${channel()} ${channel()} ${channel()})`
  }
  const [low, high] = [tint(dark), tint(dark + contrast)]
  return random.next() < 0.75 ? [high, low] : [low, high]
}

/** A word in lower case, with a capital, or in capitals. */
function pickWord(random: Random, words: readonly string[]): string {
  const word = pick(random, words)
  const style = random.next()
  if (style < 0.55) return word
  return style < 0.85 ? word[0]!.toUpperCase() + word.slice(1) : word.toUpperCase()
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.integer(from.length)]!
}

const FACES = [
  ...['DejaVuSans', 'DejaVuSans-Bold', 'DejaVuSans-Oblique', 'DejaVuSans-BoldOblique', 'DejaVuSansCondensed', 'DejaVuSansCondensed-Bold'],
  ...['DejaVuSerif', 'DejaVuSerif-Bold', 'DejaVuSerif-Italic', 'DejaVuSerifCondensed', 'DejaVuSerifCondensed-BoldItalic'],
  ...['DejaVuSansMono', 'DejaVuSansMono-Bold'],
]

const registered = new Set<string>()

/** Takes a face, by default from the npm package, whatever fonts the system has. The first file of a name stays. */
export function registerFace(face: string, file = dejavu(face)): void {
  if (registered.has(face)) return
  if (!GlobalFonts.registerFromPath(file, face)) throw new Error(`cannot read the font ${file}`)
  registered.add(face)
}

function dejavu(face: string): string {
  return join(dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')), 'ttf', `${face}.ttf`)
}

let table: Float32Array | undefined

/** 65,521 draws from the standard normal distribution, the same everywhere. */
function normals(): Float32Array {
  if (table) return table
  const random = createRandom('grain')
  table = Float32Array.from({ length: 65521 }, () => random.normal())
  return table
}

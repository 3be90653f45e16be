import { createCanvas } from '@napi-rs/canvas'
import { createRandom } from '@whittle/ir'
import { turn } from '../src/picture.ts'
import { samples } from '../src/samples.ts'
import { addGrain, drawText } from './draw.ts'

/** The page's sample pictures as PNG files, by name. */
export function drawSamples(): { name: string; png: Uint8Array }[] {
  return samples.map(({ name, text, turned, face, size, paper, ink, grain }) => {
    const margins = [0.5, 0.5, 0.3, 0.3].map((part) => Math.round(part * size)) as [number, number, number, number]
    const upright = drawText({ text, face, size, paper, ink, margins })
    const picture = turned ? turn(upright) : upright
    addGrain(createRandom(`sample/${name}`), picture, { grain })
    const canvas = createCanvas(picture.width, picture.height)
    const context = canvas.getContext('2d')
    const pixels = context.createImageData(picture.width, picture.height)
    pixels.data.set(picture.data)
    context.putImageData(pixels, 0, 0)
    return { name, png: canvas.toBuffer('image/png') }
  })
}

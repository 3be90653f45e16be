/** Twelve seconds of a call, at 25 frames a second. */
export const FRAMES = 300

/** A head before a wall, with a camera's grain: it rests, leans to the side, rests, comes nearer, nods, and rests. */
export function frameOf(frame, canvas) {
  const context = canvas.getContext('2d', { willReadFrequently: true })
  const { x, y, size } = pose(frame / 25)
  context.setTransform(1, 0, 0, 1, 0, 0)
  context.fillStyle = '#8a97a3'
  context.fillRect(0, 0, 256, 256)
  context.fillStyle = '#5d6b52'
  context.fillRect(20, 30, 60, 90)
  context.translate(x, y)
  context.scale(size, size)
  head(context)
  grain(context, frame)
  return canvas
}

/** From time in seconds to the middle of the head and half its height. */
function pose(time) {
  const between = (from, to) => smooth((time - from) / (to - from))
  const lean = between(2, 3.5) - between(6, 7)
  const nearer = between(4.5, 5.5)
  const nod = time > 8 && time < 9.6 ? Math.sin(((time - 8) / 1.6) * 4 * Math.PI) : 0
  return { x: 128 + 40 * lean, y: 130 + 6 * nod, size: 52 + 14 * nearer }
}

function smooth(share) {
  const inside = Math.max(0, Math.min(1, share))
  return inside * inside * (3 - 2 * inside)
}

function head(context) {
  ellipse(context, '#33415c', 0, 2.1, 1.7, 1.1)
  ellipse(context, '#50341f', 0, -0.25, 0.88, 1.05)
  ellipse(context, '#e0ac8a', 0, 0, 0.74, 1)
  for (const side of [-1, 1]) {
    ellipse(context, '#fff', side * 0.3, -0.15, 0.15, 0.08)
    ellipse(context, '#2b1d14', side * 0.3, -0.15, 0.07, 0.07)
    ellipse(context, '#50341f', side * 0.3, -0.36, 0.2, 0.045)
  }
  ellipse(context, '#c78f6f', 0, 0.15, 0.1, 0.16)
  ellipse(context, '#a3483f', 0, 0.52, 0.26, 0.07)
}

function ellipse(context, colour, x, y, width, height) {
  context.fillStyle = colour
  context.beginPath()
  context.ellipse(x, y, width, height, 0, 0, 2 * Math.PI)
  context.fill()
}

/** Up to three levels of noise in each channel, other in each frame (Marsaglia's xorshift). */
function grain(context, frame) {
  const picture = context.getImageData(0, 0, 256, 256)
  let state = 1 + frame * 7919
  for (let at = 0; at < picture.data.length; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    if (at % 4 < 3) picture.data[at] += (state >>> 29) - 3
  }
  context.putImageData(picture, 0, 0)
}

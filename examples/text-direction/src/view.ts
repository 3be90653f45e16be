import type { Answer, Classifier } from './classify.ts'
import { show } from './decode.ts'
import { LINE_HEIGHT, LINE_WIDTH, type Picture, toInput } from './picture.ts'
import type { Sample } from './samples.ts'

const DEVICES = { tfjs: 'CPU (small runtime)', wasm: 'CPU (WebAssembly)', webgpu: 'GPU (WebGPU)', webnn: 'WebNN' } as const

/** An element of index.html. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id)
  if (!element) throw new Error(`index.html has no element #${id}`)
  return element as T
}

const write = (id: string, text: string): void => {
  byId(id).textContent = text
}

/** @param part of the files, from 0 to 1; undefined where it is not known. */
export function showProgress(part: number | undefined, text: string): void {
  const bar = byId<HTMLProgressElement>('progress')
  if (part === undefined) bar.removeAttribute('value')
  else bar.value = part
  write('progress-text', text)
}

export function showLoaded({ session, manifest }: Classifier): void {
  const brotli = session.variant.files.reduce((sum, file) => sum + file.brotli, 0)
  const share = ((100 * brotli) / manifest.source.brotli).toFixed(0)
  byId('loading').hidden = true
  write('device', DEVICES[session.device])
  write('variant', session.variant.id)
  write('bytes', `${kilobytes(session.bytes.downloaded).replace(' kB', '')} of ${kilobytes(session.bytes.total)}`)
  write('size-variant', kilobytes(brotli))
  write('size-original', kilobytes(manifest.source.brotli))
  byId('bar-variant').style.width = `${share}%`
  byId('bar-original').style.width = '100%'
  write('share', `${share} % of the original. The runtime comes on top.`)
  showDecisions(session.decisions)
}

const OUTCOMES = { chosen: 'chosen', unavailable: 'not available here', failed: 'failed', skipped: 'not tried' } as const

/** One row a variant, the one that runs marked. */
export function showDecisions(decisions: Classifier['session']['decisions']): void {
  byId('decisions').replaceChildren(
    ...decisions.map(({ variant, outcome, reason }) => {
      const row = document.createElement('tr')
      row.dataset['outcome'] = outcome
      const [name, result, why] = [document.createElement('th'), document.createElement('td'), document.createElement('td')]
      name.scope = 'row'
      name.textContent = variant
      result.textContent = OUTCOMES[outcome]
      why.textContent = reason
      row.append(name, result, why)
      return row
    }),
  )
}

export function showFailure(message: string): void {
  byId('loading').hidden = true
  write('answer', 'The model could not be loaded')
  for (const id of ['device', 'variant', 'bytes', 'time', 'size-variant', 'size-original']) write(id, '–')
  showError(message)
}

export function showError(message: string | undefined): void {
  byId('error').hidden = message === undefined
  write('error', message ?? '')
}

export function showPicture(picture: Picture, description: string): void {
  const canvas = byId<HTMLCanvasElement>('picture')
  show(canvas, picture)
  canvas.setAttribute('aria-label', description)
  show(byId<HTMLCanvasElement>('seen'), seenOf(picture))
}

export function showAnswer({ upsideDown, probability, milliseconds }: Answer): void {
  byId('verdict').dataset['answer'] = upsideDown ? 'upside-down' : 'upright'
  write('answer', upsideDown ? 'Upside down' : 'Upright')
  write('certainty', probability > 0.9995 ? 'over 99.9 %' : `${(100 * probability).toFixed(1)} %`)
  byId('scale').style.width = `${100 * probability}%`
  write('time', `${milliseconds < 100 ? milliseconds.toFixed(1) : milliseconds.toFixed(0)} ms`)
}

/** The row of samples; gives their buttons by name. */
export function showSamples(samples: readonly Sample[], choose: (sample: Sample) => void): void {
  byId('samples').replaceChildren(
    ...samples.map((sample) => {
      const [item, button, image] = [document.createElement('li'), document.createElement('button'), new Image()]
      button.type = 'button'
      button.dataset['sample'] = sample.name
      button.dataset['turned'] = String(sample.turned)
      button.setAttribute('aria-pressed', 'false')
      button.addEventListener('click', () => choose(sample))
      image.src = addressOf(sample)
      image.alt = `“${sample.text}”, ${sample.turned ? 'upside down' : 'upright'}`
      button.append(image)
      item.append(button)
      return item
    }),
  )
}

/** Marks the sample that is on the stage; none for a picture of the user's own. */
export function markSample(name: string | undefined): void {
  for (const button of byId('samples').querySelectorAll('button'))
    button.setAttribute('aria-pressed', String(button.dataset['sample'] === name))
}

export function addressOf(sample: Sample): string {
  return `${import.meta.env.BASE_URL}samples/${sample.name}.png`
}

export function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(bytes < 1e6 ? 1 : 0)} kB`
}

/** The model's input as a picture again. */
function seenOf(picture: Picture): Picture {
  const input = toInput(picture)
  const plane = LINE_HEIGHT * LINE_WIDTH
  const data = new Uint8ClampedArray(plane * 4)
  for (let at = 0; at < plane; at++) {
    for (let channel = 0; channel < 3; channel++) data[at * 4 + channel] = (input[(2 - channel) * plane + at]! + 1) * 127.5
    data[at * 4 + 3] = 255
  }
  return { width: LINE_WIDTH, height: LINE_HEIGHT, data }
}

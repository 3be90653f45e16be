import { LoadError } from '@whittle/runtime'
import { type Answer, type Classifier, loadClassifier } from './classify.ts'
import { decode } from './decode.ts'
import { type Picture, turn } from './picture.ts'
import { type Sample, samples } from './samples.ts'
import * as view from './view.ts'

/** What `npm run demo -- --check` and the tests read. */
interface Demo {
  state: 'loading' | 'ready' | 'failed'
  error?: string
  variant?: string
  device?: string
  decisions?: Classifier['session']['decisions']
  bytes?: Classifier['session']['bytes']
  /** One for each picture that was put on the stage, in order. */
  readonly answers: (Answer & { name: string })[]
}

declare global {
  interface Window {
    __whittleDemo: Demo
  }
}

const demo: Demo = { state: 'loading', answers: [] }
window.__whittleDemo = demo

let classifier: Classifier | undefined
/** What is on the stage. */
let stage: { name: string; picture: Picture; turned: boolean } | undefined
/** Rises with every picture: a late answer for an earlier one is not shown. */
let turnOfStage = 0

view.showSamples(samples, (sample) => void showSample(sample))
view.byId('turn').addEventListener('click', () => {
  if (stage) void put(stage.name, turn(stage.picture), !stage.turned)
})
view.byId<HTMLInputElement>('file').addEventListener('change', ({ target }) => {
  const input = target as HTMLInputElement
  const [file] = input.files ?? []
  if (file) void showFile(file)
  input.value = ''
})
acceptDrops(view.byId('stage'))

void load()
await showSample(samples[0]!)

async function load(): Promise<void> {
  const device = new URLSearchParams(location.search).get('device')
  try {
    classifier = await loadClassifier({
      ...(device ? { devices: [device] } : {}),
      onProgress: ({ loaded, total }) => view.showProgress(total ? loaded / total : undefined, `${view.kilobytes(loaded)} fetched`),
    })
    view.showLoaded(classifier)
    Object.assign(demo, { state: 'ready', variant: classifier.session.variant.id, device: classifier.session.device })
    Object.assign(demo, { decisions: classifier.session.decisions, bytes: classifier.session.bytes })
    await classifyStage()
  } catch (error) {
    demo.state = 'failed'
    demo.error = messageOf(error)
    view.showFailure(demo.error)
    if (error instanceof LoadError) view.showDecisions(error.decisions)
  }
}

async function showSample(sample: Sample): Promise<void> {
  await attempt(async () => {
    const response = await fetch(view.addressOf(sample))
    if (!response.ok) throw new Error(`The sample “${sample.text}” could not be fetched (${response.status}). Reload the page.`)
    const picture = await decode(await response.blob(), sample.name)
    view.markSample(sample.name)
    await put(sample.name, picture, false, `A line of text: ${sample.text}`)
  })
}

async function showFile(file: File): Promise<void> {
  await attempt(async () => {
    const picture = await decode(file, file.name)
    view.markSample(undefined)
    await put(file.name, picture, false)
  })
}

async function put(name: string, picture: Picture, turned: boolean, description = `Your picture: ${name}`): Promise<void> {
  stage = { name, picture, turned }
  turnOfStage++
  view.byId<HTMLButtonElement>('turn').disabled = false
  // That the model could not be loaded stays on the page.
  if (demo.state !== 'failed') view.showError(undefined)
  view.showPicture(picture, turned ? `${description}, turned by 180 degrees` : description)
  await attempt(classifyStage)
}

async function classifyStage(): Promise<void> {
  if (!classifier || !stage) return
  const [turnOfAnswer, name] = [turnOfStage, stage.turned ? `${stage.name}, turned` : stage.name]
  const answer = await classifier.classify(stage.picture)
  if (turnOfAnswer !== turnOfStage) return
  demo.answers.push({ name, ...answer })
  view.showAnswer(answer)
}

function acceptDrops(target: HTMLElement): void {
  const hover = (on: boolean) => (event: DragEvent) => {
    event.preventDefault()
    target.classList.toggle('dropping', on)
  }
  // The whole window takes the drop, so that a miss does not leave the page.
  window.addEventListener('dragover', hover(true))
  window.addEventListener('dragleave', hover(false))
  window.addEventListener('drop', (event) => {
    hover(false)(event)
    const [file] = event.dataTransfer?.files ?? []
    if (file) void showFile(file)
    else view.showError('That was no file. Drop a picture file: PNG, JPEG or WebP.')
  })
}

async function attempt(action: () => Promise<void>): Promise<void> {
  try {
    await action()
  } catch (error) {
    view.showError(messageOf(error))
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

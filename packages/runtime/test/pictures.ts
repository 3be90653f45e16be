import { launchBrowser, type Browser, type Page } from '@whittle/browser'
import { afterAll, beforeAll } from 'vitest'
import { openPage, startHost, type Host } from './host.ts'

/** Two rows of three pixels. */
export const RGB = [
  [10, 20, 30],
  [40, 50, 60],
  [70, 80, 90],
  [100, 110, 120],
  [130, 140, 150],
  [255, 0, 128],
]
export const RGBA = RGB.flatMap((pixel) => [...pixel, 255])
export const plane = (channel: number): number[] => RGB.map((pixel) => pixel[channel]!)

/** On every page: what sources are made with. */
const HELPERS = `
  const { imageTensor, toImageData, tensor, told } = whittle
  const picture = (values = ${JSON.stringify(RGBA)}, width = 3) => new ImageData(Uint8ClampedArray.from(values), width)
  const drawn = (on = new OffscreenCanvas(1, 1), image = picture()) => {
    Object.assign(on, { width: image.width, height: image.height })
    on.getContext('2d').putImageData(image, 0, 0)
    return on
  }
  const shown = async (src, before = {}) => {
    const image = Object.assign(new Image(), before, { src })
    await image.decode()
    return image
  }
  const png = (canvas = drawn()) => canvas.convertToBlob({ type: 'image/png' })
  const filmed = async () => {
    const canvas = drawn(document.createElement('canvas'), picture(Array.from({ length: 64 * 64 }, () => [200, 100, 50, 255]).flat(), 64))
    const video = Object.assign(document.createElement('video'), { muted: true, srcObject: canvas.captureStream() })
    await video.play()
    if (video.readyState < 2) await new Promise((resolve) => video.addEventListener('loadeddata', resolve, { once: true }))
    return video
  }
`

/** A browser, a host and a page for a file's tests of pictures. */
export interface Pictures {
  readonly browser: Browser
  readonly host: Host
  readonly page: Page
  /** What text gives on the page: a tensor or a picture as JSON, or what was thrown. */
  give(body: string, on?: Page): Promise<any>
}

export function pictures(): Pictures {
  const made = {} as { browser: Browser; host: Host; page: Page }
  beforeAll(async () => {
    made.browser = await launchBrowser()
    made.host = await startHost()
    made.page = await openPage(made.browser, made.host)
  })
  afterAll(async () => {
    await made.browser?.close()
    await made.host?.close()
  })
  return Object.assign(made, { give: (body: string, on: Page = made.page) => give(body, on) })
}

async function give(body: string, on: Page): Promise<any> {
  return on.evaluate(
    async ([helpers, text]) => {
      try {
        const given = await new Function(`${helpers}; return (async () => { ${text} })()`)()
        if (!given?.data) return given
        const { type, dims, data, width, height } = given
        return { type, dims, width, height, data: Array.from(data, Number), array: data.constructor.name }
      } catch (error) {
        return { error: (globalThis as any).whittle.told(error) }
      }
    },
    [HELPERS, body] as const,
  )
}

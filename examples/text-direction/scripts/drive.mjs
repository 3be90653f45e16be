// Drives the page in a browser, for the tests and for `npm run demo -- --check`.

/**
 * @typedef {{ name: string, upsideDown: boolean, probability: number, milliseconds: number }} Answer
 * @typedef {{ variant: string, outcome: string, reason: string }} Decision
 * @typedef {{ downloaded: number, total: number }} Bytes
 * @typedef {{ state: string, error?: string, variant?: string, device?: string, decisions?: Decision[], bytes?: Bytes, answers: Answer[] }} Demo
 */

/**
 * Opens the page and waits until the model is loaded and the first picture is classified.
 *
 * @param {import('@whittle/browser').Page} page
 * @param {string} url of the page, with `?device=` where one is asked for
 * @param {number} [timeout] milliseconds
 * @throws Error with the page's own message, when the model could not be loaded
 */
export async function open(page, url, timeout = 60_000) {
  await page.goto(url)
  await page.waitForFunction(
    () => {
      const { __whittleDemo: demo } = /** @type {any} */ (window)
      return demo?.state === 'failed' || (demo?.state === 'ready' && demo.answers.length > 0)
    },
    undefined,
    { timeout },
  )
  const demo = await demoOf(page)
  if (demo.state === 'failed') throw new Error(`the page could not load the model: ${demo.error}`)
  return demo
}

/**
 * The samples on the page and what they show.
 *
 * @param {import('@whittle/browser').Page} page
 * @returns {Promise<{ name: string, turned: boolean }[]>}
 */
export function samplesOf(page) {
  return page.locator('[data-sample]').evaluateAll((buttons) =>
    buttons.map((button) => {
      const { sample, turned } = /** @type {any} */ (button).dataset
      return { name: sample, turned: turned === 'true' }
    }),
  )
}

/**
 * Clicks a button and waits for the answer that follows.
 *
 * @param {import('@whittle/browser').Page} page
 * @param {string} selector
 * @param {number} [timeout] milliseconds
 * @returns {Promise<Answer>}
 */
export async function clickAndWait(page, selector, timeout = 60_000) {
  const before = (await demoOf(page)).answers.length
  await page.click(selector)
  await page.waitForFunction((count) => /** @type {any} */ (window).__whittleDemo.answers.length > count, before, { timeout })
  return /** @type {Answer} */ ((await demoOf(page)).answers.at(-1))
}

/**
 * @param {import('@whittle/browser').Page} page
 * @returns {Promise<Demo>}
 */
export function demoOf(page) {
  return page.evaluate(() => /** @type {any} */ (window).__whittleDemo)
}

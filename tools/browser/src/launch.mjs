import { chromium } from 'playwright-core'
import { unpackedChromium } from './chromium.mjs'

/** No update checks, no sync, no field trials: a test talks to its own server only. */
const QUIET = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
  '--no-default-browser-check',
  '--no-pings',
]

/** A software adapter, also where there is a GPU: the same results everywhere. */
const WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader']

/** Without a working GL, WebNN is off. */
const WEBNN = [
  '--enable-features=WebMachineLearningNeuralNetwork',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
]

/** @type {import('./index.d.mts').launchBrowser} */
export async function launchBrowser({ webgpu = false, webnn = false, args = [], headless = true } = {}) {
  const switches = [...QUIET, ...(webgpu ? WEBGPU : []), ...(webnn ? WEBNN : []), ...args]
  if (process.platform !== 'linux' || process.arch !== 'x64') return installedChrome(switches, headless)
  const { executable, env } = await unpackedChromium()
  return chromium.launch({
    executablePath: executable,
    headless,
    chromiumSandbox: false,
    args: ['--no-sandbox', '--no-zygote', ...switches],
    env: { ...process.env, ...env },
  })
}

async function installedChrome(args, headless) {
  try {
    return await chromium.launch({ channel: 'chrome', headless, args })
  } catch (cause) {
    const place = `${process.platform} ${process.arch}`
    throw new Error(
      `On ${place} a browser test needs an installed Google Chrome, and none could be started. Install it from https://www.google.com/chrome/ and try again.`,
      { cause },
    )
  }
}

import type { Browser } from 'playwright-core'

export type { Browser, BrowserContext, ConsoleMessage, Page } from 'playwright-core'

export interface LaunchOptions {
  /** Turn on WebGPU, on a software adapter: right, slow, the same on every machine. Default false: no adapter is found. */
  webgpu?: boolean
  /** Turn on WebNN. `deviceType: 'cpu'` computes; contexts for gpu and npu open on a software adapter. Default false. */
  webnn?: boolean
  /** More command-line switches for Chromium. */
  args?: readonly string[]
  /** Default true. */
  headless?: boolean
}

/**
 * Starts Chromium: on Linux x64 the one inside an npm package, elsewhere an installed Chrome.
 * Whoever launches closes: `await browser.close()`. It also ends with the Node process.
 *
 * @throws Error that says what to install, where there is no browser to start.
 */
export function launchBrowser(options?: LaunchOptions): Promise<Browser>

export interface ServeOptions {
  /** Headers for every answer. */
  headers?: Readonly<Record<string, string>>
  /** Send the two headers that make a page cross-origin isolated, so that it has SharedArrayBuffer. Default false. */
  isolated?: boolean
  /** Give `net.wasm.br` for `net.wasm` where it is there and the browser takes brotli. Default false. */
  brotli?: boolean
  /** Paths that a browser may keep for ever, as a host says of files with a hash in their name. Default none. */
  lasting?: RegExp
  /** Default 0: any free port. */
  port?: number
}

export interface FolderServer {
  /** `http://127.0.0.1:PORT/`, with the slash. */
  readonly url: string
  readonly port: number
  /** Every path that was asked for, in order, as it came. */
  readonly requests: readonly string[]
  close(): Promise<void>
}

/** Serves the files below `dir` on 127.0.0.1. Files are looked up at each request, so a folder may change while it is served. */
export function serveFolder(dir: string, options?: ServeOptions): Promise<FolderServer>

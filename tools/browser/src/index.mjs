export { launchBrowser } from './launch.mjs'
export { serveFolder } from './serve.mjs'

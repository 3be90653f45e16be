import { createServer } from 'node:http'
import sirv from 'sirv'

const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/** @type {import('./index.d.mts').serveFolder} */
export async function serveFolder(dir, { headers = {}, isolated = false, brotli = false, lasting, port = 0 } = {}) {
  const extra = Object.entries({ ...(isolated ? ISOLATION : {}), ...headers })
  const files = sirv(dir, { dev: true, etag: true, brotli })
  const requests = []
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    for (const [name, value] of extra) response.setHeader(name, value)
    if (lasting?.test(request.url ?? '')) response.setHeader('Cache-Control', 'public, max-age=31536000, immutable')
    files(request, response, () => {
      response.statusCode = 404
      response.end('Not found')
    })
  })
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(undefined))
  })
  const address = /** @type {import('node:net').AddressInfo} */ (server.address())
  return {
    url: `http://127.0.0.1:${address.port}/`,
    port: address.port,
    requests,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()))
        server.closeAllConnections()
      }),
  }
}

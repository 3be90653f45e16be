import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const brotli = promisify(brotliCompress)
const deflate = promisify(gzip)

/** Bytes after brotli at its highest quality: what a user downloads from a host that serves it. */
export async function brotliSize(bytes: Uint8Array): Promise<number> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength }
  return (await brotli(bytes, { params })).byteLength
}

/** Bytes after gzip at its highest level. */
export async function gzipSize(bytes: Uint8Array): Promise<number> {
  return (await deflate(bytes, { level: 9 })).byteLength
}

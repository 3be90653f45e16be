import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import { brotliSize } from '@whittle/engine'
import { cache } from './peers.ts'

/** A file's size after brotli at its highest quality. Kept by content: it takes minutes for 90 MB. */
export async function brotliOf(file: string): Promise<number> {
  const bytes = readFileSync(file)
  const known = join(cache, 'brotli', sha256(bytes))
  if (existsSync(known)) return Number(readFileSync(known, 'utf8'))
  const size = await brotliSize(bytes)
  mkdirSync(dirname(known), { recursive: true })
  writeFileSync(known, `${size}`)
  return size
}

/** What a host that compresses beforehand would serve for a file. Kept by content. */
export async function brotliFile(bytes: Uint8Array): Promise<Uint8Array> {
  const known = join(cache, 'brotli-files', sha256(bytes))
  if (existsSync(known)) return readFileSync(known)
  const { BROTLI_PARAM_QUALITY, BROTLI_MAX_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_MAX_WINDOW_BITS, BROTLI_PARAM_SIZE_HINT } = constants
  const packed = await promisify(brotliCompress)(bytes, {
    params: {
      [BROTLI_PARAM_QUALITY]: BROTLI_MAX_QUALITY,
      [BROTLI_PARAM_LGWIN]: BROTLI_MAX_WINDOW_BITS,
      [BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  })
  mkdirSync(dirname(known), { recursive: true })
  writeFileSync(known, packed)
  return packed
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

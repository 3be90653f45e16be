import type { ArtefactFile } from '@whittle/targets'
import { LoadError, messageOf } from './errors.ts'

/**
 * Fetches one file and checks it. `onBytes` is given the bytes of each piece as it arrives, counted after the host's encoding is undone;
 * the total is the manifest's, so it is known also where the host sends no length.
 */
export async function fetchFile(
  url: string,
  file: ArtefactFile,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await get(url, signal)
  if (!response.ok) {
    const status = `${response.status} ${response.statusText}`.trim()
    throw new LoadError('HTTP_STATUS', `${url} answered ${status}; is the file ${file.path} deployed there?`)
  }
  if (response.headers.get('content-type')?.includes('text/html')) {
    throw new LoadError(
      'NOT_A_MODEL',
      `${url} answered ${response.status} with an HTML page in place of ${file.path}; is the file deployed there?`,
    )
  }
  const bytes = await read(url, response, file, signal, onBytes)
  await check(url, bytes, file)
  return bytes
}

async function get(url: string, signal?: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, signal ? { signal } : {})
  } catch (cause) {
    signal?.throwIfAborted()
    throw new LoadError('NETWORK', `${url} could not be fetched: ${messageOf(cause)}`, { cause })
  }
}

async function read(
  url: string,
  response: Response,
  file: ArtefactFile,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
) {
  const bytes = new Uint8Array(file.bytes)
  let length = 0
  const reader = response.body?.getReader()
  try {
    for (;;) {
      const piece = await reader?.read()
      if (!piece || piece.done) break
      if (length + piece.value.length > file.bytes) {
        void reader?.cancel()
        throw wrongSize(url, file, `more than ${file.bytes}`)
      }
      bytes.set(piece.value, length)
      length += piece.value.length
      onBytes(piece.value.length)
    }
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof LoadError) throw cause
    throw new LoadError('NETWORK', `the download of ${url} broke off after ${length} of ${file.bytes} bytes: ${messageOf(cause)}`, {
      cause,
    })
  }
  if (length !== file.bytes) throw wrongSize(url, file, `${length}`)
  return bytes
}

function wrongSize(url: string, file: ArtefactFile, received: string): LoadError {
  return new LoadError(
    'WRONG_SIZE',
    `${url} answered 200 with ${received} bytes, ${file.path} has ${file.bytes}; a stale or broken copy is deployed or cached there`,
  )
}

/** Browsers give `crypto.subtle` to secure pages only; elsewhere the size has to do. */
async function check(url: string, bytes: Uint8Array<ArrayBuffer>, file: ArtefactFile): Promise<void> {
  if (!globalThis.crypto?.subtle) return
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
  if (hex === file.sha256) return
  throw new LoadError(
    'WRONG_HASH',
    `${url} answered 200 with other bytes than ${file.path} was built with (SHA-256 ${hex.slice(0, 12)}…, expected ${file.sha256.slice(0, 12)}…); a stale or broken copy is deployed or cached there`,
  )
}

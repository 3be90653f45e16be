import type { ArtefactFile } from '@whittle/targets'
import { LoadError, messageOf } from './errors.ts'
import { keep, recall } from './store.ts'

/** What of a file is known before it is fetched. */
export type KnownFile = Pick<ArtefactFile, 'path' | 'bytes' | 'sha256'>

/** Where a file is kept for the next load: what it belongs to, and which other files of that are still wanted. */
export interface Place {
  readonly scope: string
  readonly wanted: readonly string[]
}

/**
 * A file as it was kept by an earlier load, else fetched, checked and kept. `onBytes` is given the bytes of each piece as it arrives, counted
 * after the host's encoding is undone; the total is known beforehand, so also where the host sends no length.
 */
export async function obtain(
  url: string,
  file: KnownFile,
  { scope, wanted }: Place,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number, kept: boolean) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = (hash: string): string => `${scope}/${hash}`
  const kept = new Uint8Array((await recall(key(file.sha256), 'arrayBuffer')) ?? [])
  if (kept.length === file.bytes && !(await otherHash(kept, file))) {
    onBytes(file.bytes, true)
    return kept
  }
  const bytes = await fetchFile(url, file, signal, (count) => onBytes(count, false))
  void keep(key(file.sha256), bytes, `${scope}/`, wanted.map(key))
  return bytes
}

async function fetchFile(
  url: string,
  file: KnownFile,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await get(url, signal)
  const { ok, status, headers } = response
  const page = headers.get('content-type')?.includes('text/html')
  if (!ok || page) {
    const answer = `${status}${page ? ' with an HTML page' : ''}`
    throw new LoadError(ok ? 'NOT_A_MODEL' : 'HTTP_STATUS', `${url} answered ${answer}; is the file ${file.path} deployed there?`)
  }
  const bytes = await read(url, response, file, signal, onBytes)
  const hash = await otherHash(bytes, file)
  if (hash) throw otherFile('HASH', url, file, `the SHA-256 ${hash}`, file.sha256)
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

async function read(url: string, response: Response, file: KnownFile, signal: AbortSignal | undefined, onBytes: (bytes: number) => void) {
  const bytes = new Uint8Array(file.bytes)
  let length = 0
  const wrongSize = (given: string | number) => otherFile('SIZE', url, file, `${given} bytes`, file.bytes)
  const reader = response.body?.getReader()
  try {
    for (;;) {
      const piece = await reader?.read()
      if (!piece || piece.done) break
      if (length + piece.value.length > file.bytes) {
        void reader?.cancel()
        throw wrongSize(`more than ${file.bytes}`)
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
  if (length !== file.bytes) throw wrongSize(length)
  return bytes
}

function otherFile(what: 'SIZE' | 'HASH', url: string, { path }: KnownFile, given: string, wanted: string | number): LoadError {
  return new LoadError(
    `WRONG_${what}`,
    `${url} answered 200 with ${given}, ${path} has ${wanted}; a stale or broken copy is deployed or cached there`,
  )
}

/** The hash of bytes that are not the file's. Browsers give `crypto.subtle` to secure pages only; elsewhere the size has to do. */
async function otherHash(bytes: Uint8Array<ArrayBuffer>, file: KnownFile): Promise<string | undefined> {
  if (!globalThis.crypto?.subtle) return undefined
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex === file.sha256 ? undefined : hex
}

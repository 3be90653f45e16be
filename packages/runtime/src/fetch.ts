import type { ArtefactFile } from '@whittle/targets'
import { LoadError, messageOf } from './errors.ts'
import { keep, recall } from './store.ts'

/** What of a file is known before it is fetched. */
export type KnownFile = Pick<ArtefactFile, 'path' | 'bytes' | 'sha256' | 'parts'>

/** How a file is obtained: {@link obtain}, or what `obtainParts` of `@whittle/runtime/parts` gives. */
export type Obtain = typeof obtain

/** Where a file is kept for the next load: what it belongs to, and which other files of that are still wanted. */
export interface Place {
  readonly scope: string
  /** What is waited for before anything is written. */
  readonly started: Promise<void>
  readonly wanted: readonly string[]
}

/**
 * A file as it was kept by an earlier load, else fetched, checked and kept. `onBytes` is given the bytes of each piece as it arrives, counted
 * after the host's encoding is undone; the total is known beforehand, so also where the host sends no length.
 */
export async function obtain(
  url: string,
  file: KnownFile,
  { scope, started, wanted }: Place,
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
  // The browser holds a Blob outside of the page, which lets go of the bytes when they are taken in.
  const blob = new Blob([bytes])
  void started.then(() => keep(key(file.sha256), blob, `${scope}/`, wanted.map(key)))
  return bytes
}

/** Goes on where a download was cut, as long as something arrives. */
async function fetchFile(
  url: string,
  file: KnownFile,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(file.bytes)
  const wrongSize = (given: string | number) => otherFile('SIZE', url, file, `${given} bytes`, file.bytes)
  let [length, counted, before] = [0, 0, 0]
  for (;;)
    try {
      before = counted
      // Browsers ask for bytes as they are when they ask for a part.
      const response = await fetch(url, { signal: signal ?? null, headers: length ? { Range: `bytes=${length}-` } : {} })
      const { ok, status, headers } = response
      const page = headers.get('content-type')?.includes('text/html')
      if (!ok || page) {
        const answer = `${status}${page ? ' with an HTML page' : ''}`
        throw new LoadError(ok ? 'NOT_A_MODEL' : 'HTTP_STATUS', `${url} answered ${answer}; is ${file.path} deployed there?`)
      }
      if (status !== 206) length = 0
      const reader = response.body!.getReader()
      for (;;) {
        const { value } = await reader.read()
        if (!value) break
        if (length + value.length > file.bytes) {
          void reader.cancel()
          throw wrongSize(`more than ${file.bytes}`)
        }
        bytes.set(value, length)
        length += value.length
        if (length > counted) {
          onBytes(length - counted)
          counted = length
        }
      }
      break
    } catch (cause) {
      signal?.throwIfAborted()
      if (cause instanceof LoadError) throw cause
      if (counted === before)
        throw new LoadError('NETWORK', `the download of ${url} broke off after ${length} of ${file.bytes} bytes: ${messageOf(cause)}`, {
          cause,
        })
    }
  if (length !== file.bytes) throw wrongSize(length)
  const hash = await otherHash(bytes, file)
  if (hash) throw otherFile('HASH', url, file, `the SHA-256 ${hash}`, file.sha256)
  return bytes
}

function otherFile(what: 'SIZE' | 'HASH', url: string, { path }: KnownFile, given: string, wanted: string | number): LoadError {
  return new LoadError(`WRONG_${what}`, `${url} answered 200 with ${given}, ${path} has ${wanted}; a stale copy is deployed there`)
}

/** The hash of bytes that are not the file's. Browsers give `crypto.subtle` to secure pages only; elsewhere the size has to do. */
async function otherHash(bytes: Uint8Array<ArrayBuffer>, file: KnownFile): Promise<string | undefined> {
  if (!globalThis.crypto?.subtle) return undefined
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex === file.sha256 ? undefined : hex
}

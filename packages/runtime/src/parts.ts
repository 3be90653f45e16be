import { obtain, type KnownFile, type Obtain } from './fetch.ts'

/**
 * How a loader obtains files that were divided, for hosts that take no large ones: part after part, each checked, and kept in the browser's
 * Cache as soon as it is there. A load that was cut, also by leaving the page, goes on with the part where it stopped. Files that are whole
 * are obtained as usual. Generated modules pass it to `createModel` and to the runtimes whose WebAssembly is divided.
 *
 * @param urls the address of each part, by its path.
 * @param files all that may be kept side by side: those of a manifest, or a runtime's one.
 */
export function obtainParts(urls: Readonly<Record<string, string>>, files: readonly KnownFile[]): Obtain {
  const wanted = files.flatMap((file) => (file.parts ?? [file]).map(({ sha256 }) => sha256))
  return async (url, file, place, signal, onBytes) => {
    // With `runtimeBase` the file as it was published has an address.
    if (!file.parts || url) return obtain(url, file, { ...place, wanted }, signal, onBytes)
    const bytes = new Uint8Array(file.bytes)
    let from = 0
    for (const part of file.parts) {
      const to = from + part.bytes
      // No session is made before the last one is there: the others may be written at once.
      const started = to < file.bytes ? Promise.resolve() : place.started
      bytes.set(await obtain(urls[part.path]!, part, { ...place, started, wanted }, signal, onBytes), from)
      from = to
    }
    return bytes
  }
}

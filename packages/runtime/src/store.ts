/** The name of the app's Cache in which files and findings are kept. */
const NAME = 'whittle'

/** A Cache holds requests: an address that nothing is ever asked of. */
const address = (key: string): string => `https://whittle.invalid/${key}`

/** What was kept under a key; undefined where there is nothing, or the browser denies storage. */
export async function recall<F extends 'json' | 'arrayBuffer'>(
  key: string,
  form: F,
): Promise<Awaited<ReturnType<Response[F]>> | undefined> {
  try {
    return await (await (await caches.open(NAME)).match(address(key)))?.[form]()
  } catch {
    return undefined
  }
}

/**
 * Keeps a body, and lets go of all others whose keys begin with `stale` and that `wanted` does not name. Where there is no room or no storage
 * nothing is kept, and the next load fetches again.
 */
export async function keep(key: string, body: BodyInit, stale = key, wanted: readonly string[] = []): Promise<void> {
  try {
    const cache = await caches.open(NAME)
    for (const { url } of await cache.keys())
      if (url.startsWith(address(stale)) && !wanted.some((name) => url === address(name))) await cache.delete(url)
    await cache.put(address(key), new Response(body))
  } catch {
    // As if it had not been asked for.
  }
}

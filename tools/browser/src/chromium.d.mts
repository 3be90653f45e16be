/** Chromium out of `@sparticuz/chromium` (Linux x64), unpacked once into a folder below `cache`. */
export function unpackedChromium(cache?: string): Promise<{ executable: string; env: Record<string, string> }>

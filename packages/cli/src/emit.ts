import { randomUUID } from 'node:crypto'
import { mkdir, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { type CompileResult, OptionError, messageOf } from '@whittle/compiler'

/**
 * Writes each variant's files into a folder; equal files once. A file is there whole or not at all.
 * @returns the paths that belong to each variant, by its id, relative to `cwd` where they are in it.
 * @throws {OptionError} when a file would replace the source, or the folder cannot be written.
 */
export async function emitOnnx(
  { manifest, artefacts }: CompileResult,
  folder: string,
  source: string,
  cwd: string,
): Promise<Map<string, string[]>> {
  const paths = new Map(artefacts.map((artefact) => [artefact.sha256, resolve(folder, artefact.name)]))
  const original = await realpath(source)
  try {
    await mkdir(folder, { recursive: true })
    for (const path of paths.values())
      if ((await realpath(path).catch(() => path)) === original)
        throw new OptionError('EMIT_SOURCE', `${path} is the source model and is never replaced; give another folder with --out`)
    for (const artefact of artefacts) await writeWhole(paths.get(artefact.sha256)!, artefact.bytes)
  } catch (error) {
    if (error instanceof OptionError) throw error
    throw new OptionError('EMIT_FOLDER', `cannot write into ${folder}: ${messageOf(error)}; give another folder with --out`, {
      cause: error,
    })
  }
  const pathOf = (hash: string): string => {
    const path = paths.get(hash)!
    const inside = relative(cwd, path)
    return inside.startsWith('..') ? path : inside
  }
  return new Map(manifest.variants.map(({ id, files }) => [id, files.map(({ sha256 }) => pathOf(sha256))]))
}

/** A file is there whole or not at all. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(resolve(path, '..'), `.whittle-${randomUUID()}.tmp`)
  try {
    await writeFile(temporary, bytes)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

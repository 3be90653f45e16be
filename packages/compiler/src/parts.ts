import { extname } from 'node:path'
import { OptionError } from '@whittle/ir'
import { PARTS_FORMAT, type ArtefactFile } from '@whittle/targets'
import { sha256 } from './cache.ts'
import type { Artefact, CompileResult } from './types.ts'

/** Files of fewer bytes are not worth a request each: a limit below it is a slip of the pen. */
const LEAST = 1024

/**
 * A result whose files are at most `maxFile` bytes each, for a host that takes no larger ones: what is larger becomes parts of nearly equal
 * sizes, which the manifest lists with their hashes, and `@whittle/runtime/parts` joins. The same result where nothing is larger.
 * @param maxFile bytes, at least 1024; `Infinity` for no limit.
 * @throws {OptionError} MAX_FILE
 */
export function divideFiles(result: CompileResult, maxFile: number): CompileResult {
  const parts = new Map(result.artefacts.map((artefact) => [artefact.sha256, partsOf(artefact, maxFile)]))
  if ([...parts.values()].every(({ length }) => length === 1)) return result
  const { manifest } = result
  const divided = (file: ArtefactFile): ArtefactFile => {
    const own = parts.get(file.sha256)!
    if (own.length === 1) return file
    return { ...file, parts: own.map(({ name, bytes, sha256 }) => ({ path: name, bytes: bytes.length, sha256 })) }
  }
  return {
    ...result,
    artefacts: [...parts.values()].flat(),
    manifest: {
      ...manifest,
      format: PARTS_FORMAT,
      variants: manifest.variants.map((variant) => ({ ...variant, files: variant.files.map(divided) })),
    },
  }
}

/**
 * What to deploy for a file: itself, or where it is larger than `maxFile` bytes its parts in order, `net.part1.onnx` and so on. They end as the
 * file does, since by that a host tells what it compresses. Views of the file's bytes.
 * @throws {OptionError} MAX_FILE
 */
export function partsOf(file: Artefact, maxFile: number): Artefact[] {
  if (!(maxFile >= LEAST)) throw new OptionError('MAX_FILE', `maxFile: expected at least ${LEAST} bytes, received ${maxFile}`)
  const { name, bytes } = file
  const count = Math.ceil(bytes.length / Math.floor(maxFile))
  if (count <= 1) return [file]
  const ending = extname(name)
  return Array.from({ length: count }, (_, at): Artefact => {
    const [from, to] = [at, at + 1].map((edge) => Math.ceil((bytes.length * edge) / count))
    const part = bytes.subarray(from, to)
    return {
      name: `${name.slice(0, name.length - ending.length)}.part${at + 1}${ending}`,
      bytes: part,
      sha256: sha256(part),
    }
  })
}

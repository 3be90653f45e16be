import { readFileSync } from 'node:fs'
import { arch, cpus, platform } from 'node:os'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The packages whose version decides what a build gives. */
const PACKAGES = ['ir', 'simplify', 'prune', 'quantize', 'engine', 'targets']

let known: string | undefined

/** Versions of all that takes part in a build, and the CPU where results depend on it: part of the cache's key. */
export function versionsKey(engines: readonly string[]): string {
  known ??= [
    ownVersion(),
    ...PACKAGES.map((name) => `${name}@${versionOf(`@whittle/${name}`)}`),
    platform(),
    arch(),
    // Which kernels the native engine takes depends on the CPU's features.
    cpus()[0]?.model ?? '',
  ].join(' ')
  return `${known} ${engines.join(' ')}`
}

function versionOf(name: string): string {
  const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}

function ownVersion(): string {
  const manifest = join(dirname(new URL(import.meta.url).pathname), '..', 'package.json')
  return `compiler@${(JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version}`
}

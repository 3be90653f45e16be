import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, cpus, platform } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The packages whose version decides what a build gives. */
const PACKAGES = [
  'ir',
  'simplify',
  'statistics',
  'factorize',
  'prune',
  'cluster',
  'quantize',
  'train',
  'engine',
  'targets',
  'codec',
  'tfjs',
  'tflite',
]

let known: string | undefined

/** Versions of all that takes part in a build, and the CPU where results depend on it: part of the cache's key. */
export function versionsKey(engines: readonly string[]): string {
  known ??= [
    `compiler@${versionOf(join(dirname(fileURLToPath(import.meta.url)), '..'))}`,
    ...PACKAGES.map((name) => `${name}@${versionOf(folderOf(`@whittle/${name}`))}`),
    platform(),
    arch(),
    // Which kernels the native engine takes depends on the CPU's features.
    cpus()[0]?.model ?? '',
  ].join(' ')
  return `${known} ${engines.join(' ')}`
}

function folderOf(name: string): string {
  return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))
}

/** The version of an installed package; for one that is being worked on (it lies outside of node_modules), a hash of its code as well. */
function versionOf(folder: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  if (folder.split(sep).includes('node_modules')) return version
  const hash = createHash('sha256')
  for (const part of ['src', 'dist']) for (const file of filesIn(join(folder, part))) hash.update(file).update(readFileSync(file))
  return `${version}+${hash.digest('hex').slice(0, 16)}`
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
  } catch {
    return []
  }
}

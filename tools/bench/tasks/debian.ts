import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cache } from '../peers.ts'
import { runProgram } from '../run-once.ts'

const folder = join(cache, 'debian')

/** Where a file of a Debian package lies: installed, or unpacked by {@link fetchDebian}. */
export function debianFile(path: string): string {
  return existsSync(path) ? path : join(folder, path)
}

/** Downloads and unpacks a Debian package that is not installed, for its file. @throws where there is no apt-get, or no network. */
export async function fetchDebian(name: string, path: string, log: (line: string) => void): Promise<void> {
  if (existsSync(debianFile(path))) return
  log(`downloading the Debian package ${name}`)
  const unpacking = join(folder, `.${name}`)
  rmSync(unpacking, { recursive: true, force: true })
  mkdirSync(unpacking, { recursive: true })
  try {
    await runProgram('apt-get', ['download', name], { cwd: unpacking })
    for (const file of readdirSync(unpacking)) await runProgram('dpkg-deb', ['-x', join(unpacking, file), folder])
  } catch (cause) {
    throw new Error(`${path} is not there, and cannot be downloaded: apt-get install ${name}`, { cause })
  }
}

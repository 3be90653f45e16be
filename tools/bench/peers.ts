import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runProgram } from './run-once.ts'

const folder = fileURLToPath(new URL('./', import.meta.url))

/** What benches make and may keep: never committed. */
export const cache = join(folder, '.cache')

/** The Python that holds the versions of `requirements.txt`; made where it is not there, or holds others. */
export async function peersPython(log: (line: string) => void): Promise<string> {
  const home = join(cache, 'python')
  const python = join(home, 'bin', 'python')
  const stamp = join(home, 'requirements.sha256')
  const wanted = createHash('sha256')
    .update(readFileSync(join(folder, 'requirements.txt')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python
  log('making a Python environment with the peers of requirements.txt')
  rmSync(home, { recursive: true, force: true })
  mkdirSync(cache, { recursive: true })
  await runProgram('python3', ['-m', 'venv', home])
  await runProgram(python, ['-m', 'pip', 'install', '--quiet', '-r', join(folder, 'requirements.txt')])
  writeFileSync(stamp, wanted)
  return python
}

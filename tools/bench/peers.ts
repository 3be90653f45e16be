import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runProgram } from './run-once.ts'

const folder = fileURLToPath(new URL('./', import.meta.url))

/** What benches make and may keep: never committed. */
export const cache = join(folder, '.cache')

/** The Python that holds the versions of a file such as `requirements.txt`; made where it is not there, or holds others. */
export async function peersPython(log: (line: string) => void, requirements = 'requirements.txt'): Promise<string> {
  const home = join(cache, requirements.replace(/^requirements(.*)\.txt$/, 'python$1'))
  const python = join(home, 'bin', 'python')
  const stamp = join(home, 'requirements.sha256')
  const wanted = createHash('sha256')
    .update(readFileSync(join(folder, requirements)))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python
  log(`making a Python environment with the peers of ${requirements}`)
  rmSync(home, { recursive: true, force: true })
  mkdirSync(cache, { recursive: true })
  await runProgram('python3', ['-m', 'venv', home])
  await runProgram(python, ['-m', 'pip', 'install', '--quiet', '-r', join(folder, requirements)])
  writeFileSync(stamp, wanted)
  return python
}

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What a Python script beside this file prints; undefined, after a word on stderr, where python3 with onnx and onnxruntime is not there. */
export function fromPython(script, what) {
  const has = spawnSync('python3', ['-c', 'import onnx, onnxruntime'], { encoding: 'utf8' })
  if (has.status !== 0) {
    process.stderr.write(`${what} stays as committed: that needs python3 with the packages onnx and onnxruntime\n`)
    return undefined
  }
  const ran = spawnSync('python3', ['-W', 'ignore', fileURLToPath(new URL(script, import.meta.url))], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  if (ran.status !== 0) throw new Error(`${script} failed: ${ran.stderr}`)
  return ran.stdout
}

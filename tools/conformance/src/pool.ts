import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Verdict } from './check.ts'

const LIMIT_MS = 60_000

/** Checks every model in child processes, since some bring onnxruntime down; such a model fails all its checks, and the run goes on. */
export async function checkAll(folder: string, names: readonly string[]): Promise<Verdict[]> {
  const queue = [...names]
  const verdicts: Verdict[] = []
  const lane = async (): Promise<void> => {
    let child: ChildProcess | undefined
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      child ??= start()
      const verdict = await ask(child, folder, name)
      if (typeof verdict === 'string') {
        child.kill('SIGKILL')
        child = undefined
        const shapes = { declared: 0, reachedByShapes: 0, contradicted: [verdict], missed: [] }
        verdicts.push({ name, opset: 0, equal: verdict, runs: true, passes: false, upgraded: verdict, simplified: verdict, shapes })
      } else verdicts.push(verdict)
    }
    child?.kill()
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, lane))
  return verdicts.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function start(): ChildProcess {
  return fork(fileURLToPath(new URL('worker.mjs', import.meta.url)), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
}

/** The child's verdict, or why there is none. */
function ask(child: ChildProcess, folder: string, name: string): Promise<Verdict | string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => end('the checks took longer than a minute'), LIMIT_MS)
    const onMessage = (message: Verdict & { crashed?: string }) => end(message.crashed ?? message)
    const onExit = (code: number | null, signal: string | null) => end(`the process ended by ${signal ?? `code ${code}`}`)
    function end(verdict: Verdict | string): void {
      clearTimeout(timer)
      child.off('message', onMessage).off('exit', onExit)
      resolve(verdict)
    }
    child.on('message', onMessage).on('exit', onExit)
    child.send({ folder, name })
  })
}

import { check } from './check.ts'
import { loadCase } from './find.ts'

// One child process of the run: it is told a model at a time, so that the parent knows which one brought it down.
process.on('message', ({ folder, name }: { folder: string; name: string }) => {
  const done = (verdict: unknown) => process.send!(verdict)
  void check(loadCase(folder, name)).then(done, (error: unknown) => done({ name, crashed: String(error) }))
})

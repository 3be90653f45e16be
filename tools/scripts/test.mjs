// `npm test`: everything, on a fresh clone as well. More arguments go to `nx run-many`: `npm test -- -p @whittle/ir`.
// The last line is `N passed, N failed`: tests of all workspaces, and one more failed for each step that failed without a test.
import { existsSync, rmSync } from 'node:fs'
import { countReport, testedWorkspaces } from './count.mjs'
import { nx, prettier, root, setup } from './setup.mjs'

setup()

const selection = process.argv.slice(2)
const workspaces = testedWorkspaces(root)
for (const { report } of workspaces) rmSync(report, { force: true })

const steps = {
  format: () => prettier(['--check', '--log-level', 'warn', '.']),
  ...Object.fromEntries(
    ['build', 'typecheck', 'lint', 'test', 'package-check'].map((target) => [
      target,
      () => nx(['run-many', '-t', target, '--parallel=2', ...selection]),
    ]),
  ),
}
const began = Date.now()
const failedSteps = Object.keys(steps).filter((name) => {
  console.log(`\n== ${name}`)
  return steps[name]() !== 0
})

const total = { passed: 0, failed: 0, skipped: 0 }
const silent = []
for (const { name, report } of workspaces) {
  if (!existsSync(report)) {
    if (selection.length === 0) silent.push(name)
    continue
  }
  for (const [key, count] of Object.entries(countReport(report))) total[key] += count
}

const withoutTest = failedSteps.filter((name) => name !== 'test')
if (failedSteps.includes('test') && total.failed + silent.length === 0) withoutTest.push('test')

console.log(`\n${Math.round((Date.now() - began) / 1000)} s`)
if (total.skipped > 0) console.log(`Skipped, since this platform has not what they need: ${total.skipped}`)
for (const name of silent) console.log(`The tests of ${name} did not come to an end.`)
for (const name of withoutTest) console.log(`Failed: ${name}`)
const failed = total.failed + silent.length + withoutTest.length
console.log(`${total.passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

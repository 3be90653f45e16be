import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { countReport, testedWorkspaces } from '../count.mjs'

const here = fileURLToPath(new URL('..', import.meta.url))
const vitest = path.join(here, '../../node_modules/vitest/vitest.mjs')
let folder: string

// Below node_modules, so that the tests in it find Vitest and no other run finds them.
beforeAll(async () => {
  const cache = path.join(here, '../../node_modules/.cache')
  await mkdir(cache, { recursive: true })
  folder = await mkdtemp(path.join(cache, 'whittle-count-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it("adds up Vitest's own report, a file that does not load included", async () => {
  await writeFile(
    path.join(folder, 'a.test.js'),
    `import { it, expect } from 'vitest'; it('a', () => {}); it('b', () => expect(1).toBe(2)); it.skip('c', () => {})`,
  )
  await writeFile(path.join(folder, 'b.test.js'), `import './none.js'`)
  const report = path.join(folder, 'report.json')
  const args = [vitest, 'run', '--root', folder, '--reporter=json', `--outputFile=${report}`, '--dir', folder]
  await writeFile(path.join(folder, 'vitest.config.js'), `export default { test: { exclude: [] } }`)
  expect(() => execFileSync(process.execPath, args, { stdio: 'pipe', cwd: folder })).toThrow()
  expect(countReport(report)).toEqual({ passed: 1, failed: 2, skipped: 1 })
})

it('finds the workspaces that have tests', () => {
  const found = testedWorkspaces(path.join(here, '../..'))
  expect(found.map(({ name }) => name)).toEqual(expect.arrayContaining(['@whittle/ir', '@whittle/browser', '@whittle/scripts']))
  expect(found.map(({ report }) => path.basename(report))).toEqual(found.map(() => 'test-report.json'))
})

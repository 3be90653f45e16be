import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/**
 * The workspaces with a `test` script, each with the path of the report that its tests write.
 *
 * @param {string} root
 * @returns {{ name: string, report: string }[]}
 */
export function testedWorkspaces(root) {
  const folders = ['packages', 'tools', 'examples'].flatMap((kind) => {
    const parent = path.join(root, kind)
    return existsSync(parent) ? readdirSync(parent).map((name) => path.join(parent, name)) : []
  })
  return folders.flatMap((folder) => {
    const file = path.join(folder, 'package.json')
    const manifest = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
    return manifest.scripts?.test ? [{ name: manifest.name, report: path.join(folder, 'test-report.json') }] : []
  })
}

/**
 * Adds up one report of Vitest. A file that could not be loaded has no tests, and counts as one that failed.
 *
 * @param {string} file
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function countReport(file) {
  const report = JSON.parse(readFileSync(file, 'utf8'))
  const unloaded = report.testResults.filter(
    (suite) => suite.status === 'failed' && !suite.assertionResults.some((test) => test.status === 'failed'),
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

// Packs the package in the current folder as npm would, and looks at the result with publint and are-the-types-wrong.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const folder = process.cwd()
const manifest = JSON.parse(readFileSync('package.json', 'utf8'))

/** @returns {string[]} what is wrong */
async function problems(packed, tarball) {
  const files = packed.files.map((file) => file.path)
  return [...missing(files), ...stray(files), ...(await published(tarball)), ...typed(tarball)]
}

/** All that `exports` and `bin` name is packed: sources too, which debuggers and the `@whittle/source` condition lead to. */
function missing(files) {
  const named = [...targets(manifest.exports), ...targets(manifest.bin), './README.md']
  return named
    .filter((name) => !files.includes(path.posix.normalize(name)))
    .map((name) => `package.json names ${name}, which is not packed`)
}

function targets(entry) {
  if (typeof entry === 'string') return [entry]
  return Object.values(entry ?? {}).flatMap(targets)
}

/** Nothing is packed that only this repository needs. */
function stray(files) {
  return files.filter((file) => /(^|\/)(test|node_modules)\/|\.test\.|tsbuildinfo/.test(file)).map((file) => `${file} is packed`)
}

async function published(tarball) {
  const bytes = readFileSync(tarball)
  const { messages } = await publint({
    pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
    strict: true,
  })
  return messages.filter((message) => message.type !== 'suggestion').map((message) => `publint: ${formatMessage(message, manifest)}`)
}

function typed(tarball) {
  const cli = path.join(path.dirname(createRequire(import.meta.url).resolve('@arethetypeswrong/cli/package.json')), 'dist/index.js')
  try {
    execFileSync(process.execPath, [cli, tarball, '--profile', 'esm-only', '--no-color', '--no-emoji'], { encoding: 'utf8', stdio: 'pipe' })
    return []
  } catch (error) {
    return [`are-the-types-wrong:\n${error.stdout}${error.stderr}`]
  }
}

if (!existsSync('dist')) {
  console.error(`${manifest.name}: there is no dist. Run 'npm run build' first.`)
  process.exit(1)
}
const temporary = mkdtempSync(path.join(tmpdir(), 'whittle-pack-'))
try {
  const npm = ['pack', '--json', '--ignore-scripts', '--pack-destination', temporary]
  // The answer's form differs from one npm to the next: a list, or an object by name.
  const answer = JSON.parse(execFileSync('npm', npm, { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' }))
  const packed = Object.values(answer)[0]
  const found = await problems(packed, path.join(temporary, path.basename(packed.filename)))
  for (const problem of found) console.error(`${manifest.name}: ${problem}`)
  if (found.length > 0) process.exitCode = 1
  else console.log(`${manifest.name}: ${packed.entryCount} files, ${packed.size} bytes packed, nothing wrong`)
} finally {
  rmSync(temporary, { recursive: true, force: true })
}

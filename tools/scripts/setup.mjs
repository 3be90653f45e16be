// What has to hold before anything else runs: a Node that is new enough, and the installed packages of the lock file.
// Only Node's own modules here: on a fresh clone there is nothing else.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Ends the process with a message where Node is too old; installs what the lock file names and node_modules lacks. */
export function setup() {
  const wanted = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).engines.node
  if (!isNewEnough(process.versions.node, wanted)) {
    console.error(
      `Whittle needs Node ${wanted}, and this is ${process.versions.node}. Install a newer one from https://nodejs.org and try again.`,
    )
    process.exit(1)
  }
  const reason = outdated(root)
  if (!reason) return
  // Output goes to stderr: what a script prints on stdout may be for a program.
  console.error(`${reason}: npm ci`)
  const status = npm(['ci'])
  if (status !== 0) {
    console.error('npm ci failed: see above.')
    process.exit(status)
  }
}

/** Whether a version such as 20.19.1 satisfies a range of the form `>=20.19.0`. */
export function isNewEnough(version, range) {
  const have = version.split('.').map(Number)
  const want = range.replace('>=', '').split('.').map(Number)
  const differs = want.findIndex((part, index) => have[index] !== part)
  return differs < 0 || have[differs] > want[differs]
}

/** Why the installed packages are not those of the lock file; undefined where they are. Dates say nothing, so versions are compared. */
export function outdated(folder) {
  const installedLock = path.join(folder, 'node_modules/.package-lock.json')
  if (!existsSync(installedLock)) return 'Nothing is installed yet'
  const wanted = JSON.parse(readFileSync(path.join(folder, 'package-lock.json'), 'utf8')).packages
  const installed = JSON.parse(readFileSync(installedLock, 'utf8')).packages
  for (const [place, entry] of Object.entries(wanted)) {
    if (!place.includes('node_modules/') || entry.optional || entry.devOptional) continue
    const found = installed[place]
    if (!found || found.version !== entry.version || found.link !== entry.link) return `${place} is not what package-lock.json says`
  }
  return undefined
}

/** Runs npm in the repository's root, with its output on stderr. @returns {number} the exit status */
export function npm(args) {
  const own = process.env.npm_execpath
  const options = { cwd: root, stdio: ['ignore', 2, 2] }
  const { status, error } = own
    ? spawnSync(process.execPath, [own, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
  if (error) throw error
  return status ?? 1
}

/** Runs a program that a package in node_modules brings. @returns {number} the exit status */
export function tool(file, args, { stdout = 1 } = {}) {
  const env = { ...process.env, NX_DAEMON: 'false', NX_NO_CLOUD: 'true' }
  const { status, signal, error } = spawnSync(process.execPath, [path.join(root, 'node_modules', file), ...args], {
    cwd: root,
    env,
    stdio: ['ignore', stdout, 2],
  })
  // A tool that ends without a word would leave nothing to go by.
  if (status !== 0)
    console.error(`${file} ${args.join(' ')}: ${error?.message ?? (signal ? `ended by ${signal}` : `exit status ${status}`)}`)
  return status ?? 1
}

export const nx = (args, options) => tool('nx/dist/bin/nx.js', args, options)
export const prettier = (args) => tool('prettier/bin/prettier.cjs', args)

if (process.argv[1] === fileURLToPath(import.meta.url)) setup()

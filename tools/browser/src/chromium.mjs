import { execFile } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { access, chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createBrotliDecompress } from 'node:zlib'
import tar from 'tar-fs'

const run = promisify(execFile)
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/whittle-browser/', import.meta.url))

/** Rises whenever what this file unpacks, or where to, changes. */
const LAYOUT = 1

const FONTS_CONF = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`

/**
 * Chromium out of `@sparticuz/chromium` (Linux x64), unpacked once into a folder under node_modules.
 *
 * @param {string} [cache] where to unpack; another folder only for tests
 * @returns {Promise<{ executable: string, env: Record<string, string> }>} what to start, and variables it needs
 */
export async function unpackedChromium(cache = CACHE) {
  const archives = fileURLToPath(new URL('../../bin/', import.meta.resolve('@sparticuz/chromium')))
  const { version } = JSON.parse(await readFile(path.join(archives, '../package.json'), 'utf8'))
  const folder = path.join(cache, `chromium-${version}-${LAYOUT}`)
  if (!(await exists(folder))) await unpack(archives, folder)
  const executable = path.join(folder, 'chromium')
  return { executable, env: await environment(folder, executable) }
}

/** Into a folder of its own, then renamed: of two processes at once, both end with one whole folder. */
async function unpack(archives, folder) {
  await mkdir(path.dirname(folder), { recursive: true })
  const temporary = await mkdtemp(`${folder}.`)
  try {
    const executable = path.join(temporary, 'chromium')
    await Promise.all([
      pipeline(createReadStream(path.join(archives, 'chromium.br')), createBrotliDecompress(), createWriteStream(executable)),
      // SwiftShader's libraries are looked for beside the binary.
      unpackTar(path.join(archives, 'swiftshader.tar.br'), temporary),
      unpackTar(path.join(archives, 'fonts.tar.br'), temporary),
      unpackTar(path.join(archives, 'al2023.tar.br'), path.join(temporary, 'al2023')),
    ])
    await chmod(executable, 0o755)
    await writeFile(path.join(temporary, 'fonts.conf'), FONTS_CONF)
    await chmod(temporary, 0o755)
    await rename(temporary, folder)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    if (!(await exists(folder))) throw error
  }
}

function unpackTar(archive, folder) {
  return pipeline(createReadStream(archive), createBrotliDecompress(), tar.extract(folder, { chown: false }))
}

/** The package's own fonts, so that a page looks the same everywhere, and its own libraries where the system lacks them. */
async function environment(folder, executable) {
  const env = { FONTCONFIG_FILE: path.join(folder, 'fonts.conf') }
  if (await starts(executable, env)) return env
  const libraries = [path.join(folder, 'al2023/lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':')
  const withLibraries = { ...env, LD_LIBRARY_PATH: libraries }
  if (await starts(executable, withLibraries)) return withLibraries
  const message = await run(executable, ['--version'], { env: { ...process.env, ...withLibraries } }).catch(
    (error) => error.stderr || error.message,
  )
  throw new Error(`Chromium of @sparticuz/chromium does not start on this system: ${message}`)
}

function starts(executable, env) {
  const child = run(executable, ['--version'], { env: { ...process.env, ...env } })
  return child.then(
    () => true,
    () => false,
  )
}

function exists(file) {
  return access(file).then(
    () => true,
    () => false,
  )
}

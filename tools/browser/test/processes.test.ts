import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { launchBrowser } from '@whittle/browser'
import { describe, expect, it } from 'vitest'
import { unpackedChromium } from '../src/chromium.mjs'

/** The processes whose command line holds a mark. */
async function marked(mark: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')))
  return ids.filter((_, index) => lines[index]!.includes(mark))
}

async function settled(mark: string): Promise<string[]> {
  for (let tries = 0; tries < 50 && (await marked(mark)).length > 0; tries++) await sleep(100)
  return marked(mark)
}

// Both look into /proc, and only there does the browser come from an npm package.
describe.runIf(process.platform === 'linux' && process.arch === 'x64')('Chromium from the npm package', () => {
  it('leaves no process behind when it is closed', async () => {
    const mark = randomUUID()
    const browser = await launchBrowser({ args: [`--user-agent=${mark}`] })
    await browser.newPage()
    expect(await marked(mark)).not.toEqual([])
    await browser.close()
    expect(await settled(mark)).toEqual([])
  })

  it('leaves no process behind when its parent is killed', async () => {
    const mark = randomUUID()
    const script = `
      import { launchBrowser } from ${JSON.stringify(import.meta.resolve('@whittle/browser'))}
      await (await launchBrowser({ args: ['--user-agent=' + process.env.MARK] })).newPage()
      process.stdout.write('ready')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, MARK: mark } })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    expect(await marked(mark)).not.toEqual([])
    child.kill('SIGKILL')
    expect(await settled(mark)).toEqual([])
  })

  it('is unpacked whole, and once, by two at the same time', async () => {
    const cache = await mkdtemp(path.join(tmpdir(), 'whittle-browser-'))
    try {
      const [one, two] = await Promise.all([unpackedChromium(cache), unpackedChromium(cache)])
      expect(two).toEqual(one)
      expect(await readdir(cache)).toEqual([path.basename(path.dirname(one.executable))])
      expect(await readdir(path.dirname(one.executable))).toEqual(
        expect.arrayContaining(['chromium', 'fonts.conf', 'fonts', 'al2023', 'libvk_swiftshader.so', 'vk_swiftshader_icd.json']),
      )
    } finally {
      await rm(cache, { recursive: true, force: true })
    }
  })
})

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isNewEnough, outdated, root } from '../setup.mjs'

it.each([
  ['20.19.0', true],
  ['20.20.2', true],
  ['22.0.0', true],
  ['20.18.9', false],
  ['18.99.1', false],
])('Node %s is new enough for >=20.19.0: %s', (version, expected) => {
  expect(isNewEnough(version, '>=20.19.0')).toBe(expected)
})

describe('outdated', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'whittle-setup-'))
    await mkdir(path.join(folder, 'node_modules'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const write = (file: string, packages: object) => writeFile(path.join(folder, file), JSON.stringify({ packages }))
  const wanted = {
    '': {},
    'packages/ir': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/fsevents': { version: '1.0.0', optional: true },
  }

  it('finds nothing installed', async () => {
    await write('package-lock.json', wanted)
    expect(outdated(folder)).toMatch(/Nothing is installed/)
  })

  it('finds another version', async () => {
    await write('package-lock.json', wanted)
    await write('node_modules/.package-lock.json', { 'node_modules/a': { version: '0.9.0' } })
    expect(outdated(folder)).toMatch(/node_modules\/a /)
  })

  it('finds a workspace that is new', async () => {
    await write('package-lock.json', { ...wanted, 'node_modules/@whittle/new': { resolved: 'packages/new', link: true } })
    await write('node_modules/.package-lock.json', { 'node_modules/a': { version: '1.0.0' } })
    expect(outdated(folder)).toMatch(/@whittle\/new/)
  })

  it('is content with the same versions, less what is for other platforms', async () => {
    await write('package-lock.json', wanted)
    await write('node_modules/.package-lock.json', { 'node_modules/a': { version: '1.0.0' } })
    expect(outdated(folder)).toBeUndefined()
  })

  it('is content with this repository as it runs', () => {
    expect(outdated(root)).toBeUndefined()
  })
})

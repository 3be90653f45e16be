import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformContract } from '@whittle/testing'
import ts from 'typescript'
import { expect, it } from 'vitest'

// The transform that CONTRIBUTING.md builds is taken out of it, typechecked, and held to what the text says of it.
const here = fileURLToPath(new URL('..', import.meta.url))
const text = readFileSync(path.join(here, '../../CONTRIBUTING.md'), 'utf8')
const files = [...text.matchAll(/^```ts\n\/\/ packages\/round\/(\S+)\n([\s\S]*?)^```$/gm)].map(([, file, code]) => {
  const place = path.join(here, '.whittle/walkthrough', file!)
  mkdirSync(path.dirname(place), { recursive: true })
  writeFileSync(place, code!)
  return place
})
const source = files.find((file) => file.endsWith('src/round.ts'))!

const { round, roundMantissa } = await import(source)

it('typechecks', () => {
  const config = ts.readConfigFile(path.join(here, 'tsconfig.json'), (file) => ts.sys.readFile(file)).config
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, here)
  const found = ts.getPreEmitDiagnostics(ts.createProgram(files, options))
  expect(found.map((item) => ts.flattenDiagnosticMessageText(item.messageText, '\n'))).toEqual([])
})

it('has a source and a test', () => {
  expect(files.map((file) => path.basename(file))).toEqual(['round.ts', 'round.test.ts'])
})

it('rounds to what the bits can write', () => {
  expect([...roundMantissa(Float32Array.of(1, 1.1, -1.2, 1.9, Infinity), 2)]).toEqual([1, 1, -1.25, 2, Infinity])
})

it('refuses bits=0', () => {
  expect(() => round({ bits: 0 })).toThrow(/round.*bits.*'?0'?/)
})

transformContract('round', () => round({ bits: 12 }), { tolerance: 1e-2, randomModels: 2 })

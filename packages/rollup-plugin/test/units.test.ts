import { describe, expect, test } from 'vitest'
import { createClock } from '../src/clock.ts'
import { importerOf, rebasePaths, modelId, moduleFile, splitId } from '../src/imports.ts'
import { createProgressLine } from '../src/progress.ts'

describe('the clock', () => {
  test('counts the time in which anything ran once, however much of it overlaps', async () => {
    let now = 0
    const clock = createClock(() => now)
    const gates: (() => void)[] = []
    const work = () => clock.track(() => new Promise<void>((resolve) => gates.push(resolve)))
    const first = work()
    now = 1000
    const second = work()
    now = 3000
    gates[0]!()
    await first
    expect(clock.seconds).toBe(3)
    now = 4000
    gates[1]!()
    await second
    now = 9000
    expect(clock.seconds).toBe(4)
    await expect(
      clock.track(async () => {
        now = 10_000
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(clock.seconds).toBe(5)
  })
})

describe('the progress line', () => {
  function line(isTTY: boolean) {
    const time = { now: 0 }
    const written: string[] = []
    const made = createProgressLine('src/net.onnx?int8', { isTTY, columns: 60, write: (text) => written.push(text) }, () => time.now)
    return { time, written, ...made }
  }

  test('says nothing of work that takes less than a second', () => {
    for (const isTTY of [true, false]) {
      const { time, written, update, done } = line(isTTY)
      for (; time.now < 1000; time.now += 50) update({ step: 'calibrating', done: time.now })
      done()
      expect(written).toEqual([])
    }
  })

  test('says what a step still takes, where that is known', () => {
    const { time, written, update } = line(false)
    for (const [at, left] of [
      [3000, 40],
      [9000, 200],
    ] as const) {
      time.now = at
      update({ step: 'distill', done: 30, total: 100, left })
    }
    expect(written).toEqual([
      'whittle: src/net.onnx?int8: distill 30 % (3 s, 40 s left)\n',
      'whittle: src/net.onnx?int8: distill 30 % (9 s, 3 min left)\n',
    ])
  })

  test('is rewritten in place on a terminal, at most ten times a second, cut to its width, and removed at the end', () => {
    const { time, written, update, done } = line(true)
    for (time.now = 1000; time.now < 2000; time.now += 10)
      update({ step: 'calibrating', variant: 'int8-wasm', done: time.now, total: 4000 })
    done()
    expect(written).toHaveLength(11)
    expect(written[0]).toBe('\r\x1b[2Kwhittle: src/net.onnx?int8: calibrating for int8-wasm 25 %')
    expect(written.at(-1)).toBe('\r\x1b[2K')
    for (const text of written) expect(text.replace('\r\x1b[2K', '').length).toBeLessThan(60)
  })

  test('is a plain line now and then elsewhere', () => {
    const { time, written, update, done } = line(false)
    for (time.now = 0; time.now < 12_000; time.now += 100) update({ step: 'pruning', done: 0 })
    done()
    expect(written).toEqual([
      'whittle: src/net.onnx?int8: pruning (1 s)\n',
      'whittle: src/net.onnx?int8: pruning (6 s)\n',
      'whittle: src/net.onnx?int8: pruning (11 s)\n',
    ])
  })
})

describe('the id of an import', () => {
  test('is split at its first question mark', () => {
    expect(splitId('/a/net.onnx?int8&x=?')).toEqual({ file: '/a/net.onnx', query: 'int8&x=?' })
    expect(splitId('/a/net.onnx')).toEqual({ file: '/a/net.onnx', query: '' })
  })

  test('of a model of TensorFlow.js does not end in .json, which bundlers take for themselves, and names the file', () => {
    expect(moduleFile('/a/net.json')).toBe('/a/net.json.whittle')
    expect(moduleFile('/a/net.tflite')).toBe('/a/net.tflite')
    expect(splitId('/a/net.json.whittle?int8')).toEqual({ file: '/a/net.json', query: 'int8' })
    expect(['/a/net.json.whittle?int8', '/a/net.onnx'].map(modelId)).toEqual(['/a/net.json?int8', '/a/net.onnx'])
  })

  test('holds paths that start at the model, whoever imports it', () => {
    expect(rebasePaths('int8&calibrate=./samples.ts', '/app/src', '/app/models')).toBe('int8&calibrate=../src/samples.ts')
    expect(rebasePaths('calibrate=../data/samples.ts', '/app/src', '/app')).toBe('calibrate=./data/samples.ts')
    expect(rebasePaths('calibrate=faces&prune=0.3', '/app/src', '/app/models')).toBe('calibrate=faces&prune=0.3')
    expect(rebasePaths('calibrate=./samples.ts', '/app/src', '/app/src')).toBe('calibrate=./samples.ts')
  })

  test('leaves a path without a dot to the compiler, which may know it as a name, and tells it where to start', () => {
    const entry = { file: '/app/net.onnx', written: '', source: '', importer: '/app/src/main.ts?v=1' }
    expect(importerOf({ ...entry, query: 'calibrate=samples.ts' })).toBe('/app/src/main.ts')
    expect(importerOf({ ...entry, query: 'calibrate=./samples.ts' })).toBeUndefined()
    expect(importerOf({ ...entry, query: 'int8' })).toBeUndefined()
  })
})

import { expect, test } from 'vitest'
import { drive, native, near } from './drive.ts'
import { manifestOf } from './host.ts'

const driven = drive({})

/** Runs text on the page: `gate`, `measureGate` and `tensor`, and `session`, of which `ran` counts the runs. */
async function page(body: string): Promise<any> {
  await driven.open()
  await driven.load(manifestOf({ wasm: 'model.onnx' }))
  return await driven.page.evaluate((text) => {
    const { whittle, session: own } = globalThis as any
    const { stream, tensor, told } = whittle
    const counted = { ran: 0, run: (inputs: unknown) => (counted.ran++, own.run(inputs)) }
    const frame = (...numbers: number[]) => ({ x: tensor(new Float32Array(numbers), [numbers.length / 4, 4]) })
    const names = ['gate', 'measureGate', 'tensor', 'told', 'session', 'frame']
    const run = new Function(...names, `return (async () => { ${text} })()`)
    return run(stream.gate, stream.measureGate, tensor, told, counted, frame)
  }, body)
}

const BASE = [1, -1, 2, -2]

test('what hardly changed gets the outputs of the frame that the model ran on, what changed is run', async () => {
  const result = await page(`
    const gated = gate(session, { change: 0.1 })
    const run = async (...numbers) => [...(await gated.run(frame(...numbers))).y.data]
    const outputs = [await run(1, -1, 2, -2), await run(1.1, -1, 2, -2), await run(1.2, -1, 2, -2), await run(1.2, -1, 2, -2), await run(1, -1, 3, -2)]
    return { outputs, frames: gated.frames, runs: gated.runs, ran: session.ran }
  `)
  // The mean absolute deviation is 1.5: 0.1 of 1.5 is less than the change asked for, and 0.2, from the first frame on, is more.
  const wanted = [BASE, BASE, [1.2, -1, 2, -2], [1.2, -1, 2, -2], [1, -1, 3, -2]]
  for (const [at, x] of wanted.entries()) near(result.outputs[at], await native(x))
  expect(result).toMatchObject({ frames: 5, runs: 3, ran: 3 })
})

test('a small part that changes much is seen in a large picture', async () => {
  const result = await page(`
    const rows = Array.from({ length: 1000 }, (_, at) => [at % 3, 1, -1, at % 7]).flat()
    const other = [...rows]
    for (const at of [2000, 2001, 2002, 2003]) other[at] += 2
    const gated = gate(session, { change: 0.2 })
    await gated.run(frame(...rows))
    const { y } = await gated.run(frame(...other))
    return { runs: gated.runs, row: [...y.data].slice(500 * y.data.length / 1000, 501 * y.data.length / 1000), given: other.slice(2000, 2004) }
  `)
  expect(result.runs).toBe(2)
  near(result.row, await native(result.given))
})

test('outputs grow no older than asked for; a reset, another size and a failed run make the model run', async () => {
  const result = await page(`
    const still = gate(session, { change: 0.5, maxAge: 2 })
    for (let at = 0; at < 7; at++) await still.run(frame(1, -1, 2, -2))
    const aged = session.ran
    still.reset()
    await still.run(frame(1, -1, 2, -2))
    const anew = session.ran
    await still.run(frame(1, -1, 2, -2, 1, -1, 2, -2))
    const larger = session.ran
    const { run } = session
    session.run = () => Promise.reject(new Error('lost'))
    const failing = gate(session, { change: 0.5 })
    const failed = await failing.run(frame(1, -1, 2, -2)).catch(({ message }) => message)
    session.run = run
    await failing.run(frame(1, -1, 2, -2))
    return { aged, anew, larger, failed, afterFailure: failing.runs }
  `)
  expect(result).toEqual({ aged: 3, anew: 4, larger: 5, failed: 'lost', afterFailure: 2 })
})

test('frames that overlap are told apart in the order in which they came, and their arrays may be filled anew', async () => {
  const result = await page(`
    const gated = gate(session, { change: 0.1 })
    const numbers = new Float32Array([1, -1, 2, -2])
    const inputs = { x: tensor(numbers, [1, 4]) }
    const first = await gated.run(inputs)
    numbers.set([5, 5, -5, -5])
    const [second, third] = await Promise.all([gated.run(inputs), gated.run(inputs)])
    return { runs: gated.runs, same: second === third, first: [...first.y.data], second: [...second.y.data] }
  `)
  expect(result).toMatchObject({ runs: 2, same: true })
  near(result.first, await native(BASE))
  near(result.second, await native([5, 5, -5, -5]))
})

test('measureGate tells what gates would have given on a clip', async () => {
  const clip = [BASE, [1.1, -1, 2, -2], [1.1, -1, 2, -2], [1, -1, 3, -2]]
  const result = await page(`
    const clip = ${JSON.stringify(clip)}.map((numbers) => frame(...numbers))
    return measureGate(session, clip, [0, 0.1, 9], { maxAge: 2 })
  `)
  const outputs = await Promise.all(clip.map(native))
  const noise = (a: number[], b: number[]): number => a.reduce((sum, item, at) => sum + (item - b[at]!) ** 2, 0)
  const power = outputs.map((output) =>
    noise(
      output,
      output.map(() => 0),
    ),
  )
  const total = power.reduce((a, b) => a + b)
  const ofFrames = outputs.map((output) => noise(output, outputs[0]!))
  const expected = (errors: number[]): object => ({
    error: { y: expect.closeTo(Math.sqrt(errors.reduce((a, b) => a + b) / total), 3) },
    worst: { y: expect.closeTo(Math.max(...errors.map((error, at) => Math.sqrt(error / power[at]!))), 3) },
  })
  expect(result).toEqual([
    { change: 0, frames: 4, hitRate: 0, ...expected([0, 0, 0, 0]) },
    { change: 0.1, frames: 4, hitRate: 0.5, ...expected([0, ofFrames[1]!, ofFrames[2]!, 0]) },
    { change: 9, frames: 4, hitRate: 0.5, ...expected([0, ofFrames[1]!, ofFrames[2]!, 0]) },
  ])
})

test('what is no gate and no clip is refused, by name', async () => {
  const codes = await page(`
    const thrown = async (run) => { try { await run() } catch (error) { return told(error) } }
    return [
      await thrown(() => gate(session, { change: -1 })),
      await thrown(() => gate(session, { change: 0.1, maxAge: 1.5 })),
      await thrown(() => measureGate(session, [], [0.1])),
      await thrown(() => gate(session, { change: 0.1 }).run({ x: { type: 'float32', dims: [1, 4], data: { length: 4 } } })),
    ]
  `)
  expect(codes.map(({ name, code, message }: any) => `${name} ${code}: ${message}`)).toEqual([
    'RunError STREAM_OPTION: gate: expected a number from 0 for change, received -1',
    'RunError STREAM_OPTION: gate: expected a whole number of frames for maxAge, received 1.5',
    'RunError STREAM_OPTION: measureGate: the clip has no frames',
    "RunError STREAM_INPUT: stream: 'x' lies on the GPU, where frames are not compared; give it as an array",
  ])
})

import { beforeAll, describe, expect, test } from 'vitest'
import { drive, native, near, X } from './drive.ts'
import { HALF, manifestOf } from './host.ts'

const driven = drive({ webgpu: true })
const { open, load, run, works, asked } = driven
let wanted: number[]
beforeAll(async () => {
  wanted = await native(X)
})

describe('a session', () => {
  test.each(['wasm', 'webgpu'])(
    'on %s runs overlapping calls one after another, and ends them before it is disposed of',
    async (device) => {
      await open()
      await load(manifestOf({ [device]: 'model.onnx' }))
      const results: any[] = await driven.page.evaluate(async (values) => {
        const { run, tensor } = (globalThis as any).whittle
        const calls = [1, 2, 3, 4, 5, 6].map((factor) =>
          run({ x: tensor(new Float32Array(values.map((value) => value * factor)), [1, 4]) }),
        )
        await (globalThis as any).session.dispose()
        return Promise.all(calls)
      }, X)
      // Without biases, a network of ReLU is linear in a positive factor.
      results.forEach(({ y }, index) =>
        y.data.forEach((value: number, i: number) => expect(value / (index + 1)).toBeCloseTo(wanted[i]!, 2)),
      )
      expect((await run()).error).toMatchObject({ name: 'RunError', code: 'DISPOSED', message: expect.stringContaining('disposed') })
      await driven.page.evaluate(() => (globalThis as any).session.dispose())
    },
  )

  test('and another of the same model on the same device share nothing but code', async () => {
    await open()
    await load(manifestOf({ wasm: 'model.onnx' }))
    await driven.page.evaluate(() => void ((globalThis as any).first = (globalThis as any).session))
    await load(manifestOf({ wasm: 'model.onnx' }))
    await driven.page.evaluate(() => (globalThis as any).first.dispose())
    await works()
    expect(asked('.wasm')).toHaveLength(1)
  })

  test('refuses inputs that are not the model’s', async () => {
    await open()
    await load(manifestOf({ wasm: 'model.onnx' }))
    const refused = (inputs: string): Promise<any> =>
      driven.page.evaluate((text) => {
        const { run, tensor } = (globalThis as any).whittle
        return run(new Function('tensor', `return ${text}`)(tensor))
      }, inputs)
    const x = `tensor(new Float32Array(4), [1, 4])`
    for (const [inputs, code, message] of [
      [`{ image: ${x} }`, 'INPUT_UNKNOWN', `net: there is no input 'image'; its inputs are 'x'`],
      [`{}`, 'INPUT_MISSING', `net: the input 'x' is missing (float32[N, 4])`],
      [`undefined`, 'INPUT_MISSING', `net: expected an object with the inputs 'x', received undefined`],
      [
        `{ x: new Float32Array(4) }`,
        'INPUT_TYPE',
        `net: expected float32[N, 4] for the input 'x', received no tensor; make one with tensor(data, dims)`,
      ],
      [`{ x: null }`, 'INPUT_TYPE', `net: expected float32[N, 4] for the input 'x', received no tensor; make one with tensor(data, dims)`],
      [`{ x: tensor(new Float64Array(4), [1, 4]) }`, 'INPUT_TYPE', `net: expected float32[N, 4] for the input 'x', received float64[1, 4]`],
      [
        `{ x: { type: 'float32', data: new Int32Array(4), dims: [1, 4] } }`,
        'INPUT_TYPE',
        `net: expected float32[N, 4] for the input 'x', received float32 in Int32Array`,
      ],
      [
        `{ x: tensor(new Float32Array(4), [4]) }`,
        'INPUT_RANK',
        `net: expected float32[N, 4] for the input 'x', received [4], which has rank 1`,
      ],
      [
        `{ x: tensor(new Float32Array(5), [1, 5]) }`,
        'INPUT_DIM',
        `net: expected float32[N, 4] for the input 'x', received [1, 5], whose axis 1 is not 4`,
      ],
      [
        `{ x: { type: 'float32', data: new Float32Array(3), dims: [1, 4] } }`,
        'INPUT_SIZE',
        `net: expected float32[N, 4] for the input 'x', received 3 elements for [1, 4], which takes 4`,
      ],
    ]) {
      expect((await refused(inputs!)).error, inputs).toMatchObject({ name: 'RunError', code, message })
    }
    near((await run([...X, ...X])).y.data, [...wanted, ...wanted])
  })

  test('takes float16 as bits or as Float16Array, and gives what the browser has', async () => {
    await open()
    const io = { elementType: 'float16', dims: [2] } as const
    await load(manifestOf({ wasm: 'half.onnx' }, { inputs: [{ name: 'x', ...io }], outputs: [{ name: 'y', ...io }] }, HALF))
    const [bits, numbers, own] = await driven.page.evaluate(async () => {
      const { run, tensor } = (globalThis as any).whittle
      const Float16 = (globalThis as any).Float16Array
      return [
        await run({ x: tensor(new Uint16Array([0x3c00, 0x4100]), [2], 'float16') }),
        Float16 ? await run({ x: tensor(new Float16([1, 2.5]), [2]) }) : undefined,
        Float16 ? 'Float16Array' : 'Uint16Array',
      ]
    })
    expect(bits.y).toMatchObject({ type: 'float16', array: own, data: own === 'Float16Array' ? [2, 5] : [0x4000, 0x4500] })
    if (numbers) expect(numbers.y).toEqual(bits.y)
  })

  test('uses the app’s own onnxruntime, and leaves its settings alone', async () => {
    await open()
    const result = await driven.page.evaluate(
      async (manifest) => {
        const { model, ort, tensor } = (globalThis as any).whittle
        const own = await ort('ort.wasm.min.mjs')
        own.env.wasm.wasmPaths = new URL('/ort/own/', location.href).href
        own.env.logLevel = 'fatal'
        const session = await model(manifest).load({ ort: own })
        const { y } = await session.run({ x: tensor(new Float32Array([0.5, -1, 2, 0.25]), [1, 4]) })
        return { y: [...y.data], level: own.env.logLevel }
      },
      manifestOf({ wasm: 'model.onnx' }),
    )
    near(result.y, wanted)
    expect(result.level).toBe('fatal')
    expect(asked('.wasm')).toEqual(['/ort/own/ort-wasm-simd-threaded.wasm'])
  })
})

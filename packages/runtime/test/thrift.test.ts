import { RUNTIME_BROTLI, type Manifest, type ManifestVariant } from '@whittle/targets'
import { describe, expect, test } from 'vitest'
import { thriftyDevices } from '../src/thrift.ts'
import { drive } from './drive.ts'
import { manifestOf } from './host.ts'

const driven = drive({})

const ROWS: readonly [target: string, provider: ManifestVariant['provider'], deviceType: ManifestVariant['deviceType'], brotli: number][] =
  [
    ['webgpu-f16', 'webgpu', undefined, 600_000],
    ['webnn-gpu', 'webnn', 'gpu', 900_000],
    ['webnn-npu', 'webnn', 'npu', 900_000],
    ['wasm', 'wasm', undefined, 900_000],
    ['wasm', 'wasm', undefined, 100],
    ['tfjs', 'tfjs', undefined, 1_000_000],
  ]
const [file] = manifestOf({ wasm: 'model.onnx' }).variants[0]!.files
/** Ranked in the order of the rows, and listed in another. */
const MANIFEST: Manifest = manifestOf(
  {},
  {
    variants: ROWS.map(([target, provider, deviceType, brotli], rank) => ({
      id: `${target}-${rank}`,
      target,
      provider,
      ...(deviceType ? { deviceType } : {}),
      probes: [],
      rank,
      format: 'int8',
      files: [{ ...file!, brotli }],
    })).reverse(),
  },
)
const BY_BYTES = ['tfjs', 'wasm', 'webgpu-f16', 'webnn-gpu', 'webnn-npu']
const BY_POWER = ['webnn-npu', 'wasm', 'tfjs', 'webgpu-f16', 'webnn-gpu']

const thrifty = (): Promise<string[] | undefined> =>
  driven.page.evaluate((manifest) => (globalThis as any).whittle.thriftyDevices(manifest), MANIFEST)

/** The browser's own Data Saver, as its settings turn it on. */
async function saveData(): Promise<void> {
  const session = await driven.page.context().newCDPSession(driven.page)
  await session.send('Emulation.setDataSaverOverride' as never, { dataSaverEnabled: true } as never)
  expect(await driven.page.evaluate(() => (navigator as any).connection.saveData)).toBe(true)
}

/** A battery: machines that test have none, which browsers give as one that is full and charging. */
async function battery(level: number, charging: boolean): Promise<void> {
  await driven.page.evaluate(
    ([given, charges]) => {
      const { prototype } = (globalThis as any).BatteryManager
      Object.defineProperty(prototype, 'level', { get: () => given })
      Object.defineProperty(prototype, 'charging', { get: () => charges })
    },
    [level, charging] as const,
  )
}

/** A slow network, as the browser would find it by its own measurements. */
function network(effectiveType: string): () => Promise<void> {
  return () =>
    driven.page.evaluate(
      (type) =>
        Object.defineProperty(Object.getPrototypeOf((navigator as any).connection), 'effectiveType', { get: () => type }) && undefined,
      effectiveType,
    )
}

describe('thriftyDevices', () => {
  test('leaves the default order where the browser tells of nothing to save', async () => {
    await driven.open()
    // Chromium tells of both.
    expect(await driven.page.evaluate(() => ['connection' in navigator, 'getBattery' in navigator])).toEqual([true, true])
    expect(await thrifty()).toBeUndefined()
  })

  test('orders by model and runtime with Data Saver on', async () => {
    await driven.open()
    await saveData()
    expect(RUNTIME_BROTLI.tfjs + 1_000_000).toBeLessThan(RUNTIME_BROTLI.wasm)
    expect(await thrifty()).toEqual(BY_BYTES)
  })

  test.each([
    ['slow-2g', BY_BYTES],
    ['2g', BY_BYTES],
    ['3g', BY_BYTES],
    ['4g', undefined],
  ])('on a connection as slow as %s', async (type, order) => {
    await driven.open()
    await network(type)()
    expect((await thrifty()) ?? undefined).toEqual(order)
  })

  test.each([
    [0.2, false, BY_POWER],
    [0.05, false, BY_POWER],
    [0.05, true, undefined],
    [0.3, false, undefined],
  ])('with a battery of %d, charging: %s', async (level, charging, order) => {
    await driven.open()
    await battery(level, charging)
    expect((await thrifty()) ?? undefined).toEqual(order)
  })

  test('orders by bytes, then by battery, where both are to be saved', async () => {
    await driven.open()
    await saveData()
    await battery(0.1, false)
    expect(await thrifty()).toEqual(['tfjs', 'wasm', 'webgpu-f16', 'webnn-npu', 'webnn-gpu'])
  })

  test.each([
    ['has neither', () => [delete (Navigator.prototype as any).connection, delete (Navigator.prototype as any).getBattery]],
    ['denies its battery', () => ((Navigator.prototype as any).getBattery = () => Promise.reject(new DOMException('', 'NotAllowedError')))],
  ])('leaves the default order where the browser %s', async (_, before) => {
    await driven.open(before as () => void)
    expect(await thrifty()).toBeUndefined()
  })

  test('leaves the default order on a server', async () => {
    expect(await thriftyDevices(MANIFEST)).toBeUndefined()
  })

  test('is what a load takes for devices', async () => {
    await driven.open()
    await saveData()
    const { chosen, plain } = await driven.page.evaluate(
      async (manifest) => {
        const { model, thriftyDevices } = (globalThis as any).whittle
        const of = model(manifest)
        const targets = async (devices: unknown) => (await of.load({ devices })).decisions.map(({ target }: any) => target)
        return { chosen: await targets(await thriftyDevices(manifest)), plain: await targets(undefined) }
      },
      manifestOf({ webgpu: 'model.onnx', wasm: 'model.onnx' }),
    )
    expect(plain[0]).toBe('webgpu')
    expect(chosen).toEqual(['wasm', 'webgpu'])
  })
})

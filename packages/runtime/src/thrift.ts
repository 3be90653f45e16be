import { RUNTIME_BROTLI, type Manifest, type ManifestVariant } from '@whittle/targets'

/** What browsers tell of the connection and the battery; each part is missing in some. */
interface Thrift {
  readonly connection?: { readonly saveData?: boolean; readonly effectiveType?: string }
  getBattery?(): Promise<{ readonly level: number; readonly charging: boolean }>
}

/** Share of a full battery up to which it is low. */
const LOW = 0.2

/**
 * The order of targets for a user who saves data or battery, for `load({ devices })`; undefined where there is nothing to save, or the browser
 * does not tell, so that the default order stays. All targets of the manifest are in it.
 *
 * - Data, where the user turned on Data Saver or the connection is as slow as 3G: by the bytes to download (brotli) of the target's first
 *   variant and of its runtime.
 * - Battery, where it is at 20 % or less and discharging: NPU before CPU before GPU. This is a rule of thumb, not a measurement.
 *
 * Both at once: by bytes, and for as many bytes by battery. Otherwise equal targets stay in the default order. A load takes the name `webgpu`
 * for all that WebGPU runs, so `webgpu-f16`, where it comes later, is tried beside it in the default order.
 *
 * @see https://wicg.github.io/netinfo/ and https://wicg.github.io/savedata/ and https://www.w3.org/TR/battery-status/
 * @example await model.load({ devices: await thriftyDevices(model.manifest) })
 */
export async function thriftyDevices(manifest: Manifest): Promise<string[] | undefined> {
  const browser = (globalThis.navigator ?? {}) as Thrift
  const { saveData, effectiveType = '' } = browser.connection ?? {}
  const data = saveData === true || /^(slow-2g|2g|3g)$/.test(effectiveType)
  const battery = await lowBattery(browser)
  if (!data && !battery) return undefined
  const ranked = [...manifest.variants].sort((a, b) => a.rank - b.rank)
  // Of a target's variants, a load takes the first.
  const firsts = ranked.filter(({ target }, index) => ranked.findIndex((other) => other.target === target) === index)
  return firsts.sort((a, b) => (data ? bytesOf(a) - bytesOf(b) : 0) || (battery ? powerOf(a) - powerOf(b) : 0)).map(({ target }) => target)
}

function bytesOf({ files, provider }: ManifestVariant): number {
  return files.reduce((sum, { brotli }) => sum + brotli, RUNTIME_BROTLI[provider])
}

function powerOf({ provider, deviceType }: ManifestVariant): number {
  if (provider === 'webnn' && deviceType === 'npu') return 0
  return provider === 'webgpu' || deviceType === 'gpu' ? 2 : 1
}

/** Chromium alone has a battery, and only for pages: not for workers. A permissions policy may deny it. */
async function lowBattery(browser: Thrift): Promise<boolean> {
  try {
    const battery = await browser.getBattery?.()
    return battery !== undefined && !battery.charging && battery.level <= LOW
  } catch {
    return false
  }
}

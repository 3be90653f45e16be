import type { ManifestVariant } from '@whittle/targets'
import { messageOf } from './errors.ts'

/** The smallest module with a SIMD instruction in it. */
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]

interface Adapter {
  readonly features: { has(name: string): boolean }
}

interface Devices {
  readonly gpu?: { requestAdapter(): Promise<Adapter | null> }
  readonly ml?: { createContext(options: { deviceType?: string }): Promise<{ destroy?(): void }> }
}

/** A result of a test on the device: why it does not hold, or what was found. */
type Found<T> = { reason: string; value?: undefined } | { reason?: undefined; value: T }

/** Tests of the device, each made at most once: a context is made, since the presence of an API says nothing of the hardware. */
export interface Probe {
  /** Why the device cannot run the variant; undefined when it can. */
  (variant: ManifestVariant): Promise<string | undefined>
}

export function createProbe(): Probe {
  const known = new Map<string, Promise<Found<unknown>>>()
  const once = <T>(key: string, test: () => Promise<Found<T>>): Promise<Found<T>> => {
    if (!known.has(key)) known.set(key, test())
    return known.get(key) as Promise<Found<T>>
  }

  return async (variant) => {
    const { provider, deviceType = 'cpu' } = variant
    // Beyond a context, a target may ask for features by WebGPU's own names: `shader-f16`.
    const own = provider === 'webnn' ? `webnn-${deviceType}` : provider
    const features = variant.probes.filter((name) => name !== own && name !== provider)
    const unknown = ['wasm', 'webgpu', 'webnn'].includes(provider) ? provider !== 'webgpu' && features[0] : provider
    if (unknown) return `this version of @whittle/runtime has no test for '${unknown}'; update it`
    if (provider === 'wasm') return simd()
    if (provider === 'webnn') return (await once(own, () => webnn(deviceType))).reason
    const adapter = await once(own, webgpu)
    if (!adapter.value) return adapter.reason
    const missing = features.find((name) => !adapter.value.features.has(name))
    return missing && `the WebGPU adapter lacks the feature '${missing}'`
  }
}

function simd(): string | undefined {
  if (typeof WebAssembly === 'undefined') return 'this browser has no WebAssembly'
  if (!WebAssembly.validate(new Uint8Array(SIMD))) return 'this browser has no WebAssembly SIMD'
  return undefined
}

function lacking(api: string): { reason: string } {
  return { reason: isSecureContext ? `this browser has no ${api}` : `${api} needs a secure context (https or localhost)` }
}

async function webgpu(): Promise<Found<Adapter>> {
  const { gpu } = navigator as Devices
  if (!gpu) return lacking('WebGPU')
  try {
    const adapter = await gpu.requestAdapter()
    return adapter ? { value: adapter } : { reason: 'this browser has WebGPU, and found no adapter for it' }
  } catch (error) {
    return { reason: `WebGPU failed to give an adapter: ${messageOf(error)}` }
  }
}

async function webnn(deviceType: string): Promise<Found<true>> {
  const { ml } = navigator as Devices
  if (!ml) return lacking('WebNN')
  try {
    const context = await ml.createContext({ deviceType })
    context.destroy?.()
    return { value: true }
  } catch (error) {
    return { reason: `WebNN made no context for ${deviceType}: ${messageOf(error)}` }
  }
}

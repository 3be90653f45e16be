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

/** Tests of the device: a context is made, since the presence of an API says nothing of the hardware. */
export interface Probe {
  /** Why the device cannot run the variant; undefined when it can. */
  (variant: ManifestVariant): Promise<string | undefined>
}

export function createProbe(): Probe {
  let gpu: Promise<Adapter | string> | undefined
  return async ({ provider, deviceType = 'cpu', probes }) => {
    // Beyond a context, a target may ask for features by WebGPU's own names: `shader-f16`.
    const features = probes.filter((name) => !name.startsWith(provider))
    const unknown = provider === 'webgpu' ? '' : ['wasm', 'webnn', 'tfjs'].includes(provider) ? features[0] : provider
    if (unknown) return `this version of @whittle/runtime has no test for '${unknown}'; update it`
    if (provider === 'webnn') return webnn(deviceType)
    if (provider !== 'webgpu') return simd()
    const adapter = await (gpu ??= webgpu())
    if (typeof adapter === 'string') return adapter
    const missing = features.find((name) => !adapter.features.has(name))
    return missing && `the WebGPU adapter lacks the feature '${missing}'`
  }
}

function simd(): string | undefined {
  if (typeof WebAssembly === 'undefined') return 'this browser has no WebAssembly'
  if (!WebAssembly.validate(new Uint8Array(SIMD))) return 'this browser has no WebAssembly SIMD'
  return undefined
}

function lacking(api: string): string {
  return isSecureContext ? `this browser has no ${api}` : `${api} needs a secure context (https or localhost)`
}

async function webgpu(): Promise<Adapter | string> {
  const { gpu } = navigator as Devices
  if (!gpu) return lacking('WebGPU')
  try {
    return (await gpu.requestAdapter()) ?? 'this browser has WebGPU, and found no adapter for it'
  } catch (error) {
    return `WebGPU failed to give an adapter: ${messageOf(error)}`
  }
}

async function webnn(deviceType: string): Promise<string | undefined> {
  const { ml } = navigator as Devices
  if (!ml) return lacking('WebNN')
  try {
    const context = await ml.createContext({ deviceType })
    context.destroy?.()
    return undefined
  } catch (error) {
    return `WebNN made no context for ${deviceType}: ${messageOf(error)}`
  }
}

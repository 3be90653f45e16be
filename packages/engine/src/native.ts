import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { arch, cpus, platform } from 'node:os'
import { type Engine, UnsupportedError, messageOf } from '@whittle/ir'
import { versionOf } from './version.ts'
import { type Ort, createQueue, openSession } from './session.ts'

/** How {@link nativeEngine} runs. */
export interface NativeEngineOptions {
  /** Threads within a node; all cores by default. A session's own option comes first. */
  threads?: number
}

/**
 * Runs models with onnxruntime-node: fast, and for that reason what calibration and search use. Its int8 arithmetic may differ from
 * the browser's (on AVX2 without VNNI some products of uint8 and int8 saturate), so judge accuracy with `wasmEngine`.
 */
export function nativeEngine(options: NativeEngineOptions = {}): Engine {
  const queue = createQueue()
  return {
    name: 'native',
    key: `onnxruntime-node@${versionOf('onnxruntime-node')} ${platform()}-${arch()} ${cpuFeatures()}`,
    async open(model, session = {}) {
      return await openSession(await load(), 'native', 'cpu', model, { threads: options.threads, ...session }, queue)
    },
  }
}

let loading: Promise<Ort> | undefined

function load(): Promise<Ort> {
  loading ??= import('onnxruntime-node').then(
    // Some loaders wrap a CommonJS module a second time.
    (module) => ('InferenceSession' in module ? module : (module as { default: Ort }).default) as Ort,
    (error: unknown) => {
      loading = undefined
      throw new UnsupportedError(
        'ENGINE_MISSING',
        `onnxruntime-node cannot be loaded on ${platform()}-${arch()}: ${messageOf(error).split('\n')[0]}; run npm install again, or use the wasm engine`,
        { cause: error },
      )
    },
  )
  return loading
}

/** The vector instructions among which onnxruntime's kernels choose. */
const FEATURES = /^(avx.*|fma|amx.*|f16c|sse4_[12]|asimd.*|i8mm|bf16|sve.*|sme.*)$/

let features: string | undefined

function cpuFeatures(): string {
  return (features ??= readFeatures())
}

function readFeatures(): string {
  try {
    const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]
    if (line) {
      const found = line.split(/\s+/).filter((flag) => FEATURES.test(flag))
      return createHash('sha256').update(found.sort().join(' ')).digest('hex').slice(0, 12)
    }
  } catch {
    // Not Linux: the processor's name stands for what it can do.
  }
  return cpus()[0]?.model ?? 'unknown CPU'
}

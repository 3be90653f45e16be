import type { WhittleConfig } from '@whittle/compiler'
import { createPlugin, type WhittlePlugin } from './plugin.ts'
import type { WhittleOptions } from './options.ts'

/**
 * Compresses the models that an app imports, in Rollup 4, Vite 7 and Vite 8.
 *
 * @example export default defineConfig({ plugins: [whittle()] })
 */
export function whittle(options: WhittleOptions = {}): WhittlePlugin {
  return createPlugin(options, () => import('@whittle/compiler'))
}

export default whittle

/** Gives types to the default export of `whittle.config.ts`. */
export function defineConfig(config: WhittleConfig): WhittleConfig {
  return config
}

export type { WhittleConfig }
export type { CompileReport } from './compiler.ts'
export type { WhittleOptions } from './options.ts'
export type { WhittleApi, WhittlePlugin } from './plugin.ts'
